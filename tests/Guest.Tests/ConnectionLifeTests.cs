using System.Security.Cryptography;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>TCP connections of a guest through the events of its life, with dom0's Linux as the other end.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class ConnectionLifeTests(XenWorld world)
{
    private const string Address = "10.99.8.2";
    private const string Dom0Address = "10.99.8.1";

    [Fact]
    public async Task Connections_live_through_save_restore_checkpoint_and_migration_and_end_when_the_interface_is_unplugged()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: $"XENLET_IP={Address}/24 echo", memory: World.SavedMemory);
        await guest.SeesAsync("echo: ready");
        await guest.Dom0Async($"ip addr add {Dom0Address}/24 dev xenbr0; {UntilAnswered}");
        string file = XenMachine.SavePath(guest.Guest.Name);

        Dom0Stream stream = await Dom0Stream.StartAsync(guest, Address);
        await guest.Guest.SaveAsync(file, World.Limit);
        await guest.GoOnAsAsync(await world.Machine.RestoreGuestAsync(guest.Guest.Name, file));
        await stream.GrowsAsync();
        await guest.Guest.CheckpointAsync(file, World.Limit);
        await stream.GrowsAsync();
        await guest.GoOnAsAsync(await guest.Guest.MigrateAsync());
        await stream.GrowsAsync();
        Assert.Equal("all came back: True, the idle one works: True", await stream.EndAsync());

        stream = await Dom0Stream.StartAsync(guest, Address);
        await guest.Guest.DetachInterfaceAsync("0");
        await guest.SeesAsync("echo: a connection has ended: NetworkDown");
        await guest.SeesAsync("echo: a connection has ended: NetworkDown");
        await stream.AbandonAsync();
        await guest.Guest.AttachInterfaceAsync("bridge=xenbr0");
        Assert.Equal("again", await guest.Dom0Async($"{UntilAnswered}; echo again | nc {Address} 7"));

        await guest.Dom0Async($"ip addr del {Dom0Address}/24 dev xenbr0; rm -f {file}");
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("closes", 5000)]
    [InlineData("returns", 5001)]
    [InlineData("throws", 5002)]
    public async Task What_a_program_has_sent_arrives_with_the_end_when_it(string way, int port)
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world,
            interfaces: 1,
            beforeBoot: each => each.Dom0Async(
                $"""
                ip addr add {Dom0Address}/24 dev xenbr0
                (nc -l -p {port} < /dev/null > /tmp/words; echo $? > /tmp/words-end) > /dev/null 2>&1 &
                """),
            commandLine: $"XENLET_IP={Address}/24 last-words {Dom0Address} {port} {way}");
        EndedGuest ended = await EndedGuest.OfAsync(guest.Guest, World.Limit);
        string output = await guest.Dom0Async(
            $"""
            until [ -s /tmp/words-end ]; do usleep 50000; done
            cat /tmp/words-end
            md5sum < /tmp/words
            rm -f /tmp/words /tmp/words-end
            ip addr del {Dom0Address}/24 dev xenbr0
            """);

        byte[] words = new byte[1 << 20];
        new Random(7).NextBytes(words);
#pragma warning disable CA5351 // It is what dom0's tools have, and nobody attacks.
        Assert.Equal($"0\n{Convert.ToHexStringLower(MD5.HashData(words))}  -", output);
#pragma warning restore CA5351
        _ = way == "throws" ? ended.AssertCrashed() : ended.AssertExited(3);
        Assert.DoesNotContain(ended.Lines, line => line.Contains("not delivered", StringComparison.Ordinal));
    }

    private static string UntilAnswered => $"until ping -c 1 -W 1 {Address} > /dev/null; do usleep 50000; done";
}
