using System.Globalization;

namespace Xenlet.QemuXen.Commands;

/// <summary>Demonstrates hot-plug on a running guest: plugs a disk and unplugs it.</summary>
internal static class HotPlugShow
{
    private const int DiskSizeMiB = 8;

    private static readonly TimeSpan AnnounceLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(30);

    /// <summary>The pause between steps, so that what a guest writes about one can be read before the next.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs all steps and reports each.</summary>
    /// <param name="machine">The guest's machine.</param>
    /// <param name="guest">The guest.</param>
    /// <param name="device">The guest's name for the disk, such as xvdb.</param>
    /// <param name="progress">Receives a line before each step.</param>
    /// <param name="cancellationToken">Cancelled when the guest has ended.</param>
    /// <exception cref="QemuXenException">A step failed.</exception>
    public static async Task RunAsync(
        XenMachine machine, XenGuest guest, string device, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        // The node with which FreeBSD, like FrontBus, announces that the guest supports hot-plug.
        if (!await BecomesAsync(machine, $"/local/domain/{guest.DomainId}/feature/hotplug/vbd", "1", AnnounceLimit, cancellationToken))
        {
            throw new QemuXenException(
                $"{guest.Name} has not announced within {AnnounceLimit.TotalSeconds:0} s that it supports hot-plug (feature/hotplug/vbd): "
                + "no disk was plugged.");
        }

        await Task.Delay(Pause, cancellationToken);
        progress?.Report($"xl block-attach {guest.Name}: {device}, a disk of {DiskSizeMiB} MiB");
        await guest.AttachDiskAsync(
            GuestConfig.RawDisk(await machine.CreateDiskAsync(DiskSizeMiB, cancellationToken), device), cancellationToken);
        string backEnd = $"/local/domain/0/backend/vbd/{guest.DomainId}/{DeviceNumber(device)}/state";
        if (!await BecomesAsync(machine, backEnd, "4", ConnectLimit, cancellationToken))
        {
            progress?.Report($"{guest.Name} has not connected {device} within {ConnectLimit.TotalSeconds:0} s");
        }

        await Task.Delay(Pause, cancellationToken);
        progress?.Report($"xl block-detach {guest.Name} {device}");
        await guest.DetachDiskAsync(device, cancellationToken: cancellationToken);
        await Task.Delay(Pause, cancellationToken);
    }

    /// <summary>A disk's device number in xenstore: major 202, 16 minors each (xen-vbd-interface(7)).</summary>
    public static int DeviceNumber(string device) => (202 << 8) + ((device[^1] - 'a') << 4);

    /// <summary>Waits until a node has a value. Returns false if the limit passes first.</summary>
    private static async Task<bool> BecomesAsync(
        XenMachine machine, string node, string value, TimeSpan limit, CancellationToken cancellationToken)
    {
        int seconds = (int)machine.Scale(limit).TotalSeconds;
        string script = string.Create(CultureInfo.InvariantCulture, $"""
            end=$(($(date +%s) + {seconds}))
            until [ "$(xenstore-read {node} 2>/dev/null)" = {value} ]; do
                [ $(date +%s) -lt $end ] || exit 1
                usleep 100000
            done
            """);
        return (await machine.RunInDom0Async(script, limit + TimeSpan.FromSeconds(30), cancellationToken)).ExitCode == 0;
    }
}
