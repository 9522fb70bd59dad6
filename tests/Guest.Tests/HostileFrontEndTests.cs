using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest on one processor attacks its disk and its interface, which a Xenlet on the other one serves, while two honest guests use a disk
/// and an interface of the same Xenlet. Run by <c>build.sh soak</c>.
/// </summary>
[Trait("Category", "Soak")]
[Collection(OnTwoProcessors.Name)]
public sealed class HostileFrontEndTests(TwoProcessorWorld world)
{
    private const string Dom0 = "10.99.31.1";
    private const string Neighbour = "10.99.31.2";

    [Fact]
    public async Task A_guest_that_attacks_its_back_ends_harms_no_other_and_leaves_nothing_when_it_is_destroyed()
    {
        await using BlockServerGuest server = await BlockServerGuest.StartAsync(
            world, hasUplink: true, storeMiB: BlockServerGuest.SmallMiB);
        await using BlockGuest honest = await BlockGuest.StartAsync(world);
        await honest.Guest.AttachDiskAsync(server.Disk("honest", "xvda"));
        Assert.Equal("ok", await honest.DoAsync("fill xvda 1"));
        await server.UnplugAsync(honest);
        XenUse before = await XenUse.ReadAsync(world.Machine);
        await honest.Guest.AttachDiskAsync(server.Disk("honest", "xvda"));
        await using (XenBusGuest neighbour = new(world, await StartAsync(server, $"XENLET_IP={Neighbour}/24 echo")))
        {
            await neighbour.SeesAsync("echo: ready");
            await server.Dom0Async(
                $"ip addr add {Dom0}/24 dev xenbr0; until ping -c 1 -W 1 {Neighbour} > /dev/null; do usleep 50000; done");
            await using (XenGuest hostile = await StartAsync(server, "hostile-front", server.Disk("hostile", "xvda")))
            {
                await server.Dom0Async($"xl vcpu-pin {hostile.DomainId} 0 0");
                Task<int> attacks = hostile.WaitForTextAsync("attacked", World.Limit, 0);
                for (int round = 1; round == 1 || !attacks.IsCompleted; round++)
                {
                    Assert.Equal("ok", await honest.DoAsync($"random xvda 40 {round}"));
                    await server.Dom0Async($"ping -c 1 -W 60 -s 1000 {Neighbour} > /dev/null");
                }

                await attacks;
                await hostile.DestroyAsync();
                string id = hostile.DomainId.ToString(CultureInfo.InvariantCulture);
                await server.HasNothingForAsync(id);
                Assert.Equal("", await server.Dom0Async($"xenstore-ls -f / | grep -E '^/(local/domain|libxl)/{id}/' || true"));
            }

            Assert.Equal("ok", await honest.DoAsync("random xvda 40 99"));
            await server.Dom0Async($"ping -c 1 -W 60 {Neighbour} > /dev/null; ip addr del {Dom0}/24 dev xenbr0");
            await neighbour.ShutDownAsync();
            await server.HasNothingForAsync(neighbour.Id);
        }

        await server.UnplugAsync(honest);
        await before.ReturnsAsync(world.Machine);
        await honest.EndAsync(isUnplugged: true);
        await server.EndAsync();
    }

    private async Task<XenGuest> StartAsync(BlockServerGuest server, string commandLine, params string[] disks) =>
        (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = commandLine,
            Disks = disks,
            Vifs = [$"backend={server.Guest.Name}"],
        });
}
