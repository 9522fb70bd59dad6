using System.Text;

namespace Xenlet.Linker.Files;

/// <summary>The time zones that this machine has: the files of tzdata (tzfile(5)), below a directory.</summary>
/// <param name="directory">The directory.</param>
public sealed class ZoneDatabase(string directory)
{
    /// <summary>Where Linux has them, and .NET looks for them.</summary>
    public const string UsualDirectory = "/usr/share/zoneinfo";

    /// <summary>What stands for all zones in a list of names.</summary>
    public const string All = "all";

    /// <summary>The zone that <c>TZ</c> does not name.</summary>
    private const string LocalZone = "/etc/localtime";

    /// <summary>The table from which <c>TimeZoneInfo.GetSystemTimeZones</c> has its names.</summary>
    private const string Table = "zone.tab";

    // Other forms of the same zones, and files that are no zones but have their form.
    private static readonly string[] NoZones = ["posix/", "right/", "localtime", "posixrules"];

    /// <summary>The database of this machine.</summary>
    public static ZoneDatabase OfMachine { get; } = new(UsualDirectory);

    /// <summary>The names in a list with semicolons between.</summary>
    /// <param name="list">The list.</param>
    public static string[] Split(string list) =>
        list.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The names in a list that are no zone here.</summary>
    /// <param name="names">The names, or <see cref="All"/>.</param>
    public IReadOnlyList<string> Unknown(IEnumerable<string> names) => [.. names.Where(name => name != All && !IsZone(name))];

    /// <summary>Whether this machine has tzdata at all.</summary>
    public bool Exists => File.Exists(Path.Combine(directory, Table));

    /// <summary>The files that an image has with these zones.</summary>
    /// <param name="names">The zones, or <see cref="All"/>.</param>
    /// <param name="local">The zone of the image's local time, or nothing for UTC.</param>
    /// <exception cref="InvalidDataException">There is no such zone.</exception>
    public IEnumerable<ImageFile> Files(IReadOnlyList<string> names, string local)
    {
        IEnumerable<string> named = local.Length == 0 ? names : names.Append(local);
        if (Unknown(named) is [var unknown, ..])
        {
            throw new InvalidDataException($"{unknown} is no time zone of {directory}");
        }

        string[] zones = [.. (names.Contains(All) ? Every().Concat(named) : named).Where(name => name != All)
            .Distinct().Order(StringComparer.Ordinal)];
        if (zones.Length == 0)
        {
            yield break;
        }

        foreach (string zone in zones)
        {
            yield return new($"{UsualDirectory}/{zone}", Read(zone));
        }

        yield return new($"{UsualDirectory}/{Table}", Encoding.UTF8.GetBytes(TableOf([.. zones])));
        if (local.Length > 0)
        {
            yield return new(LocalZone, Read(local));
        }
    }

    private IEnumerable<string> Every() => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(directory, file))
        .Where(name => !NoZones.Any(other => other[^1] == '/' ? name.StartsWith(other, StringComparison.Ordinal) : name == other))
        .Where(IsZone);

    private bool IsZone(string name)
    {
        if (name.Split('/').Any(part => part.Length == 0 || part.Any(letter => !IsLetter(letter)))
            || !File.Exists(Path.Combine(directory, name)))
        {
            return false;
        }

        // The first four bytes of every such file.
        Span<byte> magic = stackalloc byte[4];
        using FileStream file = File.OpenRead(Path.Combine(directory, name));
        return file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic.SequenceEqual("TZif"u8);
    }

    private static bool IsLetter(char letter) => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-' or '+';

    private byte[] Read(string zone) => File.ReadAllBytes(Path.Combine(directory, zone));

    /// <summary>The lines of the table on some zones: country, coordinates, name, comment, with tabs between.</summary>
    private string TableOf(HashSet<string> zones) => string.Concat(
        File.ReadLines(Path.Combine(directory, Table))
            .Where(line => !line.StartsWith('#') && line.Split('\t') is [_, _, var name, ..] && zones.Contains(name))
            .Select(line => line + "\n"));
}
