using System.Globalization;
using Xenlet.QemuXen;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Runs;

/// <summary>What a configuration says of a guest, as far as a run here can follow it.</summary>
/// <param name="Kernel">The image.</param>
/// <param name="Name">The domain's name.</param>
internal sealed record GuestDescription(string Kernel, string Name)
{
    /// <summary>Largest memory, in MiB, that a domain can sensibly have here: 16 TiB.</summary>
    public const int MaximumMemory = 16 * 1024 * 1024;

    /// <summary>Largest number of virtual processors of an x86 HVM domain (HVM_MAX_VCPUS in Xen's public headers).</summary>
    public const int MaximumVirtualCpus = 128;

    private const int EmptyDiskMiB = 16;

    /// <summary>Dom0 keeps disks in its memory, which is 400 MiB.</summary>
    private const long LargestCopy = 128 << 20;

    private XlConfig? _config;

    /// <summary>The file of the ramdisk.</summary>
    public string? Ramdisk { get; private init; }

    public int? Memory { get; private init; }

    public int? MaxMemory { get; private init; }

    public int? VirtualCpus { get; private init; }

    public string CommandLine { get; private init; } = "";

    public IReadOnlyList<GuestDisk> Disks { get; private init; } = [];

    /// <summary>Network interfaces in the words of xl-network-configuration(5), without what only another host has.</summary>
    public IReadOnlyList<string> Interfaces { get; private init; } = [];

    /// <summary>What is other than the configuration says, a line each.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>Takes what a configuration says.</summary>
    /// <exception cref="ToolException">Something in it is wrong; the message names the line.</exception>
    public static GuestDescription Of(XlConfig config)
    {
        string kernel = config.Text("kernel") ?? throw new ToolException($"{config.Path} names no image: kernel= is missing");
        if (config.Text("type") is { } type && type != "pvh")
        {
            throw config.Wrong(config.LineOf("type"), $"a Xenlet is of type \"pvh\", not \"{type}\"");
        }

        List<string> notes = [];
        return new(Find(config, "kernel", kernel, "image"), config.Text("name") ?? Path.GetFileNameWithoutExtension(kernel))
        {
            _config = config,
            Ramdisk = config.Text("ramdisk") is { } ramdisk ? Find(config, "ramdisk", ramdisk, "ramdisk") : null,
            Memory = config.Number("memory", MaximumMemory),
            MaxMemory = config.Number("maxmem", MaximumMemory),
            VirtualCpus = config.Number("vcpus", MaximumVirtualCpus),
            CommandLine = config.Text("cmdline") ?? config.Text("extra") ?? "",
            Disks = [.. config.List("disk").Select(words => ReadDisk(config, words, notes))],
            Interfaces = [.. config.List("vif").Select(words => string.Join(
                ',', words.Split(',').Select(word => word.Trim()).Where(word => word.StartsWith("mac=", StringComparison.Ordinal))))],
            Notes = notes,
        };
    }

    /// <summary>
    /// Finds a file. What names its place on a Xen host is written where the file lies beside the configuration.
    /// </summary>
    private static string Find(XlConfig config, string key, string path, string what)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(config.Path))!;
        string named = Path.GetFullPath(path, directory);
        string found = File.Exists(named) ? named : Path.Combine(directory, Path.GetFileName(path));
        return File.Exists(found) ? found : throw config.Wrong(config.LineOf(key), $"there is no {what} {named}");
    }

    /// <summary>Who has said how much memory there is, for messages.</summary>
    public string MemoryPlace(int? option) => option is not null || _config is null
        ? "'--memory'"
        : string.Create(CultureInfo.InvariantCulture, $"{_config.Path}:{_config.LineOf("memory")}");

    /// <summary>A name for a disk that the configuration does not have.</summary>
    /// <param name="index">Counted from 0.</param>
    public string NextDisk(int index) => Enumerable.Range('a', 26)
        .Select(letter => $"xvd{(char)letter}")
        .Where(name => Disks.All(disk => disk.Device != name))
        .ElementAtOrDefault(index) ?? throw new ToolException("there are more than 26 disks");

    /// <summary>
    /// Reads a disk (xl-disk-configuration(5)): target, format, vdev and access by their places, or by their names in any order, target
    /// last.
    /// </summary>
    private static GuestDisk ReadDisk(XlConfig config, string text, List<string> notes)
    {
        string[] places = ["target", "format", "vdev", "access"];
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        int place = 0;
        for (string rest = text.Trim(); rest.Length > 0;)
        {
            bool isLast = rest.StartsWith("target=", StringComparison.Ordinal) || !rest.Contains(',', StringComparison.Ordinal);
            int end = isLast ? rest.Length : rest.IndexOf(',', StringComparison.Ordinal);
            string word = rest[..end].Trim();
            rest = end < rest.Length ? rest[(end + 1)..].Trim() : "";
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                values[word[..equals]] = word[(equals + 1)..];
            }
            else if (place < places.Length)
            {
                values[places[place++]] = word;
            }
        }

        string device = values.GetValueOrDefault("vdev") is { Length: > 0 } name
            ? name
            : throw config.Wrong(config.LineOf("disk"), $"the disk '{text}' has no vdev=");
        string target = values.GetValueOrDefault("target", "");
        FileInfo file = new(Path.GetFullPath(target, Path.GetDirectoryName(Path.GetFullPath(config.Path))!));
        if (target.Length > 0 && file.Exists && (file.Attributes & FileAttributes.Device) == 0)
        {
            if (file.Length > LargestCopy)
            {
                throw config.Wrong(
                    config.LineOf("disk"),
                    string.Create(
                        CultureInfo.InvariantCulture, $"{file.FullName} has more than the {LargestCopy >> 20} MiB that a copy may have"));
            }

            notes.Add($"{device} is a copy of {file.FullName}: what is written to it is lost at the end");
            return new(device, SizeMiB: 0, file.FullName);
        }

        notes.Add(string.Create(
            CultureInfo.InvariantCulture, $"{device} is an empty disk of {EmptyDiskMiB} MiB: there is no file {target} on this machine"));
        return new(device, EmptyDiskMiB, File: null);
    }
}
