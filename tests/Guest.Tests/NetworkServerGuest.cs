using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;
using Xunit.Sdk;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that joins other domains' interfaces to a bridge of dom0 (the case "net-server").</summary>
internal sealed class NetworkServerGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    public static async Task<NetworkServerGuest> StartAsync(XenWorld world)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = "net-server",
            Vifs = ["bridge=xenbr0"],
        });
        NetworkServerGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>An interface of this domain in the words of xl.</summary>
    public string Interface(string words) => $"backend={Guest.Name},{words}";

    /// <summary>Starts a guest from the image of cases that has one, or several.</summary>
    public async Task<XenBusGuest> StartBehindAsync(string commandLine, params string[] words) =>
        new(Xen, (XenGuest)await Xen.StartAsync(new GuestConfig
        {
            Name = Xen.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = commandLine,
            Vifs = [.. words.Select(Interface)],
        }));

    /// <summary>What the domain says of its mappings, its switch, its uplink and the interfaces.</summary>
    public async Task<string> TellAsync()
    {
        int from = Guest.Console.Text.Length;
        await Guest.WriteConsoleAsync("tell\n"u8.ToArray());
        await SeesAsync("mapped: ");
        await SeesAsync("told");
        return Guest.Console.Text[from..Position].Replace("\r", "", StringComparison.Ordinal);
    }

    /// <summary>A number that stands before some words in what the domain says, in a line with a text.</summary>
    public async Task<long> CountAsync(string words, string text = "")
    {
        string told = await TellAsync();
        return Find(told, words, text) ?? throw new XunitException($"there is no number of '{words}' in:\n{told}");
    }

    /// <summary>Waits until such a number is there, and is not less.</summary>
    public async Task ReachesAsync(long least, string words, string text)
    {
        Stopwatch waited = Stopwatch.StartNew();
        for (string told = await TellAsync(); !(Find(told, words, text) >= least); told = await TellAsync())
        {
            Assert.True(waited.Elapsed < World.Limit, $"there are no {least} {words} in:\n{told}");
        }
    }

    /// <summary>Waits until nothing is left in the store of an interface that this domain serves.</summary>
    public Task HasNoInterfaceAsync() =>
        Dom0Async("while xenstore-ls -f $home/backend/vif 2> /dev/null | grep -q '/vif/[0-9]*/'; do usleep 300000; done");

    public async Task EndAsync()
    {
        await Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }

    private static long? Find(string told, string words, string text)
    {
        Match match = Regex.Match(told, $@"^.*?{Regex.Escape(text)}.*?(?<!\d)(\d+) {Regex.Escape(words)}", RegexOptions.Multiline);
        return match.Success ? long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;
    }
}
