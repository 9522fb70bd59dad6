using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.Guests;
using Xenlet.Linker.Files;

namespace Xenlet.Linker.Domains;

/// <summary>
/// Reads what the build has written of a project's settings: lines of fields with tabs between. <c>source</c> and a path name a file in
/// which settings may stand; a property's line has its name and value; an item's has its type, the file that defines it, its identity and
/// its metadata.
/// </summary>
internal sealed partial class SettingsReader
{
    /// <summary>Largest memory in MiB that a domain here can sensibly have: 16 TiB.</summary>
    private const int MaximumMemory = 16 * 1024 * 1024;

    /// <summary>HVM_MAX_VCPUS of Xen's public/hvm/hvm_info_table.h.</summary>
    private const int MaximumVCpus = 128;

    private static readonly string[] Formats = ["raw", "qcow", "qcow2", "vhd", "qed"];

    private readonly List<SettingError> _errors = [];
    private readonly Dictionary<string, string> _properties = new(StringComparer.Ordinal);
    private readonly List<(string[] Fields, SettingPlace Place)> _items = [];
    private readonly SettingSources _sources;

    private SettingsReader(IEnumerable<string> lines)
    {
        List<string> sources = [];
        Dictionary<string, int> occurrences = [];
        foreach (string line in lines)
        {
            string[] fields = line.Split('\t');
            switch (fields[0])
            {
                case "source":
                    sources.Add(Field(fields, 1));
                    break;
                case "XenletDisk" or "XenletInterface":
                    string key = string.Join('\t', fields[..Math.Min(3, fields.Length)]);
                    occurrences[key] = occurrences.GetValueOrDefault(key, -1) + 1;
                    _items.Add((fields, SettingSources.OfItem(Field(fields, 1), fields[0], Field(fields, 2), occurrences[key])));
                    break;
                default:
                    _properties[fields[0]] = line[Math.Min(fields[0].Length + 1, line.Length)..].Trim();
                    break;
            }
        }

        _sources = new SettingSources(sources);
    }

    /// <summary>Reads and checks the settings.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="errors">Everything that is wrong.</param>
    /// <returns>The settings, which make sense only if nothing is wrong.</returns>
    public static DomainSettings Read(IEnumerable<string> lines, out IReadOnlyList<SettingError> errors)
    {
        SettingsReader reader = new(lines);
        DomainSettings settings = new()
        {
            Program = reader.Property("Program"),
            Name = reader.ReadName(),
            ImagePath = reader.ReadImagePath(),
            Memory = reader.ReadNumber("XenletMemory", MaximumMemory, "MiB"),
            VCpus = reader.ReadNumber("XenletVCpus", MaximumVCpus, "processors"),
            CommandLine = reader.ReadCommandLine(),
            Disks = reader.ReadDisks(),
            Interfaces = reader.ReadInterfaces(),
        };
        reader.CheckZones("XenletTimeZones", ZoneDatabase.Split(reader.Property("XenletTimeZones")));
        reader.CheckZones("XenletTimeZone", [.. new[] { reader.Property("XenletTimeZone") }.Where(name => name.Length > 0)]);
        errors = reader._errors;
        return settings;
    }

    private static string Field(string[] fields, int index) => index < fields.Length ? fields[index].Trim() : "";

    private string Property(string name) => _properties.GetValueOrDefault(name, "");

    private void Complain(string property, string message) =>
        _errors.Add(new SettingError(_sources.OfProperty(property), $"{property} is '{Property(property)}': {message}"));

    private void CheckZones(string property, string[] names)
    {
        if (names.Length > 0 && !ZoneDatabase.OfMachine.Exists)
        {
            Complain(property, "this machine has no time zones; Debian and Ubuntu have them in the package tzdata");
        }
        else if (ZoneDatabase.OfMachine.Unknown(names) is { Count: > 0 } unknown)
        {
            Complain(property, $"{string.Join(", ", unknown)}: no time zone of {ZoneDatabase.UsualDirectory}, as Europe/Berlin is");
        }
    }

    private string ReadName()
    {
        string name = Property("XenletDomainName");
        if (!DomainName().IsMatch(name) || name.All(char.IsAsciiDigit))
        {
            Complain("XenletDomainName", "a domain's name is letters, digits, '-', '_', '.' and '+', and not digits alone");
        }

        return name;
    }

    private string ReadImagePath()
    {
        string path = Property("XenletImagePath");
        if (path.Length > 0 && (path[0] != '/' || path.Any(char.IsControl)))
        {
            Complain("XenletImagePath", "the image's path on the host begins with '/', and has no control characters");
        }

        return path;
    }

    private int ReadNumber(string property, int maximum, string unit)
    {
        bool isNumber = int.TryParse(Property(property), NumberStyles.None, CultureInfo.InvariantCulture, out int number);
        if (!isNumber || number < 1 || number > maximum)
        {
            Complain(property, $"a whole number ({unit}) from 1 to {maximum} is needed");
        }

        return number;
    }

    private string ReadCommandLine()
    {
        string text = Property("XenletCommandLine");
        if (text.Any(char.IsControl))
        {
            Complain("XenletCommandLine", "neither xl's configuration nor libvirt's can hold a control character");
        }
        else
        {
            try
            {
                _ = GuestCommandLine.Parse(text);
            }
            catch (ArgumentException failure)
            {
                Complain("XenletCommandLine", failure.Message);
            }
        }

        return text;
    }

    private List<DomainDisk> ReadDisks()
    {
        List<DomainDisk> disks = [];
        Dictionary<string, SettingPlace> places = [];
        foreach ((string[] fields, SettingPlace place) in _items.Where(item => item.Fields[0] == "XenletDisk"))
        {
            void Wrong(string message) => _errors.Add(new SettingError(place, $"XenletDisk {Field(fields, 2)}: {message}"));

            DomainDisk disk = new(
                Field(fields, 2), Field(fields, 3), Field(fields, 4) is { Length: > 0 } format ? format : "raw", Field(fields, 5) == "ro");
            if (!DiskName().IsMatch(disk.Device))
            {
                Wrong("a disk's name is xvda, xvdb and so on");
            }

            if (!places.TryAdd(disk.Device, place))
            {
                Wrong($"this disk is set twice, also at {places[disk.Device]}");
            }

            if (disk.Target.Length == 0 || disk.Target.Any(char.IsControl))
            {
                Wrong("Path has to be the path in dom0 of a block device or a file");
            }

            if (!Formats.Contains(disk.Format))
            {
                Wrong($"Format is '{disk.Format}': {string.Join(", ", Formats)} are possible");
            }

            if (Field(fields, 5) is not ("" or "ro" or "rw"))
            {
                Wrong($"Access is '{Field(fields, 5)}': rw and ro are possible");
            }

            disks.Add(disk);
        }

        return disks;
    }

    private List<DomainInterface> ReadInterfaces()
    {
        List<DomainInterface> interfaces = [];
        Dictionary<string, SettingPlace> places = new(StringComparer.OrdinalIgnoreCase);
        foreach ((string[] fields, SettingPlace place) in _items.Where(item => item.Fields[0] == "XenletInterface"))
        {
            void Wrong(string message) => _errors.Add(new SettingError(place, $"XenletInterface {Field(fields, 2)}: {message}"));

            DomainInterface link = new(Field(fields, 2), Field(fields, 3));
            if (!BridgeName().IsMatch(link.Bridge))
            {
                Wrong("an interface is named by dom0's bridge, such as xenbr0: up to 15 letters, digits, '-', '_' and '.'");
            }

            if (link.Mac.Length > 0 && !MacAddress().IsMatch(link.Mac))
            {
                Wrong($"Mac is '{link.Mac}': an address is of the form 00:16:3e:01:02:03, and its first byte is even");
            }
            else if (link.Mac.Length > 0 && !places.TryAdd(link.Mac, place))
            {
                Wrong($"the address {link.Mac} is set twice, also at {places[link.Mac]}");
            }

            interfaces.Add(link);
        }

        return interfaces;
    }

    [GeneratedRegex("^[A-Za-z0-9_.+-]+$")]
    private static partial Regex DomainName();

    [GeneratedRegex("^xvd[a-z]{1,2}$")]
    private static partial Regex DiskName();

    // IFNAMSIZ of Linux is 16, with the closing zero.
    [GeneratedRegex("^[A-Za-z0-9_.-]{1,15}$")]
    private static partial Regex BridgeName();

    // An odd first byte is a group's address.
    [GeneratedRegex("^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$")]
    private static partial Regex MacAddress();
}
