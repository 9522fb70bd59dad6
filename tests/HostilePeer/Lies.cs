using System.Diagnostics;
using System.Globalization;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.HostilePeer;

/// <summary>The commands of the back ends and of the console that lie.</summary>
internal static class Lies
{
    // disk DOMAIN NUMBER BEHAVIOUR MILLISECONDS [keep]        creates a disk of a guest, and behaves so
    // interface DOMAIN NUMBER BEHAVIOUR MILLISECONDS [keep]   the same with a network interface
    // console DOMAIN - BEHAVIOUR MILLISECONDS                 is the guest's console, which xenconsoled must have released
    // Reports the front end's state, and removes the device. With "keep", mapped pages stay mapped until the program is killed;
    // with "until-closed", it continues until the front end has closed.
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not [var kind, var domainText, var number, var behaviour, var millisecondsText, .. var rest]
            || !uint.TryParse(domainText, NumberStyles.None, CultureInfo.InvariantCulture, out uint domain)
            || !int.TryParse(millisecondsText, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds))
        {
            return 2;
        }

        XenFile.BeNice();
        TimeSpan time = TimeSpan.FromMilliseconds(milliseconds);
        await using XenStoreClient store = await XenStoreClient.ConnectAsync();
        switch (kind)
        {
            case "disk" when LyingDisk.Behaviours.TryGetValue(behaviour, out Func<LyingDisk, TimeSpan, Task>? behave):
                await using (LyingDisk disk = new(store, domain, number))
                {
                    await disk.PlugAsync();
                    await RunAsync(disk, () => behave(disk, time), rest);
                }

                return 0;
            case "interface" when LyingInterface.Behaviours.TryGetValue(behaviour, out Func<LyingInterface, TimeSpan, Task>? behave):
                await using (LyingInterface network = new(store, domain, number))
                {
                    await network.PlugAsync();
                    await RunAsync(network, () => behave(network, time), rest);
                }

                return 0;
            case "console" when LyingConsole.Behaviours.TryGetValue(behaviour, out Action<LyingConsole, TimeSpan>? behave):
                using (LyingConsole console = await LyingConsole.ConnectAsync(store, domain))
                {
                    behave(console, time);
                    Console.WriteLine($"took {console.Taken} bytes");
                }

                return 0;
            default:
                return 2;
        }
    }

    private static async Task RunAsync(LyingBackEnd backEnd, Func<Task> behave, string[] options)
    {
        await backEnd.ConnectAsync();
        long start = Stopwatch.GetTimestamp();
        do
        {
            await behave();
        }
        while (options is ["until-closed"]
            && await backEnd.FrontStateAsync() != XenBusState.Closed
            && Stopwatch.GetElapsedTime(start) < LyingBackEnd.Patience);
        XenBusState state = await backEnd.FrontStateAsync();
        await backEnd.UnplugAsync();
        Console.WriteLine($"front end was {state}");
        if (options is ["keep"])
        {
            Console.WriteLine("keeping");
            await Task.Delay(Timeout.Infinite);
        }
    }
}
