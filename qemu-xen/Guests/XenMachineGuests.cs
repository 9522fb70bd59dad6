using System.Globalization;
using Xenlet.QemuXen.Base;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>Starts guests on a machine.</summary>
public static class XenMachineGuests
{
    // A restore or a migration copies all of the guest's memory through dom0, and the host may be busy.
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(10);

    // Where libxl keeps a domain's configuration, in a file that is named after the domain's number and UUID: libxl__userdata_path.
    private const string UserData = "/var/lib/xen/userdata-d.";

    /// <summary>
    /// Creates a guest. Its console is recorded from the first byte on. After its end, the domain is kept until its console is complete,
    /// whatever the configuration's on_* values are, and then destroyed.
    /// </summary>
    /// <exception cref="QemuXenException"><c>xl create</c> failed. The message contains its output.</exception>
    public static async Task<XenGuest> CreateGuestAsync(
        this XenMachine machine, GuestConfig config, CancellationToken cancellationToken = default)
    {
        string uuid = Guid.NewGuid().ToString();
        config = config with { ExtraLines = [.. config.ExtraLines, $"uuid = \"{uuid}\""] };
        (string file, string copy) = await machine.ShareAsync(config, cancellationToken);

        // -e: no xl process stays to act on the guest's end, so its domain remains until the machine has seen everything.
        // The shell finds the domain's number by itself, while each question about domains starts a program that costs a tenth of a second.
        string create = $"xl create {(config.Paused ? "-p " : "")}-e -q {file}";
        return await machine.StartAsync(
            config.Name, $"{copy} && {create} && echo {UserData}*.{uuid}.libxl-json", $"xl create {config.Name}", cancellationToken);
    }

    /// <summary>Copies a guest's images and its configuration to dom0, for commands there that create it.</summary>
    /// <returns>The path of the configuration in dom0.</returns>
    public static async Task<string> ShareGuestAsync(
        this XenMachine machine, GuestConfig config, CancellationToken cancellationToken = default)
    {
        (string file, string copy) = await machine.ShareAsync(config, cancellationToken);
        (await machine.RunInDom0Async(copy, StartLimit, cancellationToken)).ThrowIfFailed($"copying {config.Name} into dom0");
        return file;
    }

    /// <summary>Where dom0 has what a domain of this name writes to its console.</summary>
    public static string ConsolePath(this XenMachine machine, string name) => machine.InDom0(ConsoleLog(machine, name));

    /// <summary>Restores a saved guest.</summary>
    /// <param name="machine">The machine, which may be another one than the one that saved the guest.</param>
    /// <param name="name">Name of the domain.</param>
    /// <param name="savedPath">The path in dom0 given to <see cref="XenGuest.SaveAsync(string, TimeSpan, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <exception cref="QemuXenException"><c>xl restore</c> failed. The message contains its output.</exception>
    public static Task<XenGuest> RestoreGuestAsync(
        this XenMachine machine, string name, string savedPath, CancellationToken cancellationToken = default) =>
        machine.StartAsync(name, $"xl restore -e '{savedPath}'", $"xl restore {name}", cancellationToken);

    /// <summary>Follows a domain that a command in dom0 created and that nobody has followed.</summary>
    /// <exception cref="QemuXenException">There is no such domain.</exception>
    public static Task<XenGuest> FollowGuestAsync(this XenMachine machine, string name, CancellationToken cancellationToken = default) =>
        machine.StartAsync(name, start: null, $"following {name}", cancellationToken);

    /// <summary>Migrates a guest to a new domain of its machine.</summary>
    internal static Task<XenGuest> MigrateGuestAsync(this XenMachine machine, XenGuest guest, CancellationToken cancellationToken) =>
        machine.StartAsync(
            guest.Name,
            $"xl migrate -e -s lssh {guest.DomainId} localhost",
            $"xl migrate {guest.Name}",
            cancellationToken,
            // The name that xl gives the new domain until the old one is gone. The console daemon keeps using it.
            $"{guest.Name}--incoming");

    private static async Task<XenGuest> StartAsync(
        this XenMachine machine, string name, string? start, string what, CancellationToken cancellationToken, string? consoleName = null)
    {
        string consoleLog = ConsoleLog(machine, consoleName ?? name);
        long consoleStart = File.Exists(consoleLog) ? new FileInfo(consoleLog).Length : 0;
        long releases = machine.Domains.Releases;
        int id;
        try
        {
            string said = "";
            if (start is not null)
            {
                said = (await machine.RunInDom0Async(start, StartLimit, cancellationToken)).ThrowIfFailed(what).Output;
            }

            if (ParseNumber(said) is { } number)
            {
                id = number;
            }
            else
            {
                Task<int> find = machine.Domains.FindAsync(name);
                await find.WithinAsync(machine.Scale(StartLimit), $"{name} in dom0's list of domains", machine.Logs, cancellationToken);
                id = await find;
            }
        }
        catch
        {
            await machine.RemoveHalfMadeAsync(name);
            throw;
        }

        XenGuest guest = new(machine, name, id, consoleLog, consoleStart);
        machine.Domains.Follow(guest, releases);
        return guest;
    }

    /// <summary>The number of a domain in the path of its configuration, on the last line.</summary>
    private static int? ParseNumber(string output)
    {
        string path = output.TrimEnd().Split('\n')[^1];
        return path.StartsWith(UserData, StringComparison.Ordinal)
            && int.TryParse(path[UserData.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : null;
    }

    private static string ConsoleLog(XenMachine machine, string name) =>
        Path.Combine(machine.SharedDirectory, "console", $"guest-{name}.log");

    /// <summary>Gives dom0 a guest's configuration.</summary>
    /// <returns>Its path in dom0, and a command that copies the guest's images there.</returns>
    private static async Task<(string File, string Copy)> ShareAsync(
        this XenMachine machine, GuestConfig config, CancellationToken cancellationToken)
    {
        (string kernel, string copyKernel) = machine.CopyImage(config.Kernel, nameof(config.Kernel));
        (string? ramdisk, string copyRamdisk) =
            config.Ramdisk is null ? (null, "true") : machine.CopyImage(config.Ramdisk, nameof(config.Ramdisk));
        config = config with { Kernel = kernel, Ramdisk = ramdisk };
        return (await machine.ShareConfigAsync(config.ToXlConfig(), cancellationToken), $"{copyKernel} && {copyRamdisk}");
    }

    private static async Task RemoveHalfMadeAsync(this XenMachine machine, string name)
    {
        try
        {
            await machine.RunInDom0Async($"xl destroy {name}", TimeSpan.FromSeconds(20));
        }
        catch (Exception e) when (e is QemuXenException or ObjectDisposedException)
        {
            // The first failure is the one to report.
        }
    }
}
