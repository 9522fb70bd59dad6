using System.Globalization;
using Xenlet.Guests;
using Xenlet.QemuXen;
using Xenlet.Tool.Base;
using Xenlet.Tool.Images;

namespace Xenlet.Tool.Runs;

/// <summary>Carries out <c>xenlet run</c>.</summary>
internal static class GuestRun
{
    /// <summary>Memory of a guest of which nobody says how much it has, in MiB; a large image gets twice what it needs at least.</summary>
    private const int DefaultMemory = 16;

    /// <summary>For a machine that is busy or slow. Whoever waits for it can end it by Ctrl-C.</summary>
    private const double TimeScale = 5;

    /// <summary>Boots the guest, and stays until it has ended.</summary>
    /// <returns>The exit status.</returns>
    /// <exception cref="ToolException">It cannot be started as it was asked for.</exception>
    /// <exception cref="OperationCanceledException">A signal has ended it.</exception>
    public static async Task<int> RunAsync(RunOptions options, Interruption interruption)
    {
        if (options.Publish is { } project)
        {
            new Publisher(project, options.Configuration, options.Image, options.Sources).PublishIfOld();
            options = options with
            {
                Environment = [.. Values(LaunchProfile.Names(project).Concat(RunVariables.Names())), .. options.Environment],
            };
        }

        GuestRunnerOptions run = Configure(options, Say);
        bool isTyped = !Console.IsInputRedirected;
        if (isTyped)
        {
            Say("the terminal is the guest's console; Ctrl-] ends the guest");
        }

        Stream? input = isTyped || options.Interactive ? StandardInput.Open() : null;
        await using Stream output = Console.OpenStandardOutput();
        return await NamedGuestRun.RunAsync(
            run, Path.ChangeExtension(run.Guest.Kernel, ".debug"), interruption.OpenConsole(input), output, interruption.Stopped);
    }

    /// <summary>What is to be run.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="say">Receives a line for everything that differs from what the configuration says.</param>
    /// <exception cref="ToolException">The configuration or the image is wrong, or they do not go together.</exception>
    public static GuestRunnerOptions Configure(RunOptions options, Action<string> say)
    {
        GuestDescription guest = Path.GetExtension(options.Image) == ".cfg"
            ? GuestDescription.Of(XlConfig.Read(options.Image))
            : new(options.Image, Path.GetFileNameWithoutExtension(options.Image));
        ImageFile image = ImageFile.Read(guest.Kernel);
        string? ramdisk = FindRamdisk(options, guest);
        int memory = options.Memory ?? guest.Memory
            ?? (image.LeastMemoryMiB > DefaultMemory ? 2 * image.LeastMemoryMiB : DefaultMemory) + MebibytesOf(ramdisk);
        if (memory < image.LeastMemoryMiB)
        {
            throw new ToolException(string.Create(
                CultureInfo.InvariantCulture,
                $"{image.Path} needs memory={image.LeastMemoryMiB} (MiB) or more, and {guest.MemoryPlace(options.Memory)} says {memory}"));
        }

        List<GuestDisk> disks = [.. guest.Disks, .. options.Disks.Select((size, i) => new GuestDisk(guest.NextDisk(i), size, File: null))];
        bool needsInterface = options.Network || (options.Forwards.Count > 0 && guest.Interfaces.Count == 0);
        IReadOnlyList<string> interfaces = needsInterface ? [.. guest.Interfaces, ""] : guest.Interfaces;
        bool hasDevices = disks.Count > 0 || interfaces.Count > 0;
        World world = options.World ?? (hasDevices || options.Dom0Script is not null ? World.Xen : World.Qemu);
        if (world == World.Qemu && hasDevices)
        {
            say($"without Xen there are no devices: {disks.Count} disks and {interfaces.Count} interfaces of {options.Image} are left out");
        }
        else
        {
            foreach (string note in guest.Notes)
            {
                say(note);
            }
        }

        GuestConfig config = CheckedGuest(options, guest, memory, world == World.Xen ? interfaces : []);
        return new GuestRunnerOptions
        {
            Guest = config with { Ramdisk = ramdisk },
            Forwards = options.Forwards,
            ForwardedNetwork = GuestNetwork.Of(GuestCommandLine.Parse(config.CommandLine).Environment),
            NoXen = world == World.Qemu,
            Disks = world == World.Xen ? disks : [],
            Dom0Command = options.Dom0Script is { } script ? ReadScript(script) : null,
            Dom0Directory = options.Dom0Directory,
            Interactive = true,
            TimeScale = TimeScale,
            Progress = world == World.Xen ? new Reporter(say) : null,
        };
    }

    private static string? FindRamdisk(RunOptions options, GuestDescription guest) =>
        options.Ramdisk is { } named && !File.Exists(named)
            ? throw new ToolException($"there is no ramdisk {Path.GetFullPath(named)}")
            : options.Ramdisk ?? guest.Ramdisk;

    private static int MebibytesOf(string? ramdisk) =>
        ramdisk is null ? 0 : (int)Math.Min(GuestDescription.MaximumMemory / 2, (new FileInfo(ramdisk).Length + (1 << 20) - 1) >> 20);

    private static GuestConfig CheckedGuest(RunOptions options, GuestDescription guest, int memory, IReadOnlyList<string> interfaces)
    {
        try
        {
            GuestCommandLine given = GuestCommandLine.Parse(guest.CommandLine);
            GuestCommandLine whole =
                new([.. given.Environment, .. options.Environment], [.. given.Arguments, .. options.Arguments]);
            GuestConfig config = new()
            {
                Name = guest.Name,
                Kernel = guest.Kernel,
                MemoryMiB = memory,
                MaxMemoryMiB = options.Memory is null ? guest.MaxMemory : null,
                VCpus = options.VirtualCpus ?? guest.VirtualCpus ?? 1,
                CommandLine = whole.Format(),
                Vifs = interfaces,
            };
            _ = config.ToXlConfig();
            return config;
        }
        catch (ArgumentException failure)
        {
            throw new ToolException($"{options.Image}: {failure.Message}");
        }
    }

    private static string ReadScript(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"the script for dom0 cannot be read: {failure.Message}");
        }
    }

    /// <summary>Variables of this process. <c>dotnet run</c> leaves out what it cannot set.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Values(IEnumerable<string> names) => names.Distinct()
        .Where(name => Environment.GetEnvironmentVariable(name) is not null)
        .Select(name => new KeyValuePair<string, string>(name, Environment.GetEnvironmentVariable(name)!));

    private static void Say(string line) => Console.Error.WriteLine(line);

    private sealed class Reporter(Action<string> say) : IProgress<string>
    {
        public void Report(string value) => say(value);
    }
}
