using System.Collections.Concurrent;
using System.Text;
using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>What <c>build.sh run</c> does without a project: a guest with devices, to which a disk comes and from which it goes.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class HotPlugShowTests
{
    [Fact]
    public async Task The_runner_gives_devices_plugs_and_unplugs_a_disk_and_shuts_the_guest_down()
    {
        Lines said = new();
        using MemoryStream console = new();
        GuestRunnerOptions options = new()
        {
            Guest = new GuestConfig { Name = "show", Kernel = await Images.Cases, MemoryMiB = World.CaseMemory, CommandLine = "xenbus" },
            Dom0Directory = Images.Dom0Directory,
            Disks = [new GuestDisk("xvda", 4, File: null)],
            Network = true,
            HotPlug = true,
            ShutdownLimit = World.Limit,
            Progress = said,
        };
        using StringWriter error = new();

        int status = await GuestRunner.RunAsync(options, Stream.Null, console, error);

        string text = Encoding.UTF8.GetString(console.ToArray());
        Assert.True(status == 0, $"status {status}: {error}\n{text}");
        Assert.Equal(
            [
                "xl create show, disk xvda, a network interface", "xl block-attach show: xvdb, a disk of 8 MiB",
                "xl block-detach show xvdb",
                "xl shutdown show",
            ],
            said.Where(line => line.StartsWith("xl ", StringComparison.Ordinal)));
        foreach (string line in (string[])["front vbd/51728: Initialised -> Connected", "front vbd/51728: departed",
            "    vif/0  network  Connected"])
        {
            Assert.Contains(line, text, StringComparison.Ordinal);
        }
    }

    private sealed class Lines : ConcurrentQueue<string>, IProgress<string>
    {
        public void Report(string value) => Enqueue(value);
    }
}
