using System.Diagnostics;
using System.Xml.Linq;

namespace Xenlet.Linker;

/// <summary>Finds the packages that files come from: NuGet's by the .nuspec above a file, Debian's by <c>dpkg-query</c>.</summary>
internal sealed class PackageFinder
{
    private readonly Dictionary<string, Part?> _byDirectory = [];

    /// <summary>The package of each file. A file that is in no known package has none.</summary>
    public IReadOnlyDictionary<string, Part> OwnersOf(IReadOnlyCollection<string> paths)
    {
        Dictionary<string, Part> owners = [];
        List<string> others = [];
        foreach (string path in paths.Distinct())
        {
            if (OfNuGet(path) is { } package)
            {
                owners.Add(path, package);
            }
            else
            {
                others.Add(path);
            }
        }

        if (others.Count > 0)
        {
            foreach ((string path, Part package) in OfDebian(others))
            {
                owners.Add(path, package);
            }
        }

        return owners;
    }

    private Part? OfNuGet(string path)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!_byDirectory.TryGetValue(directory, out Part? package))
        {
            package = OfNuGetAbove(directory);
            _byDirectory.Add(directory, package);
        }

        return package;
    }

    private static Part? OfNuGetAbove(string? directory)
    {
        for (; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (Directory.EnumerateFiles(directory, "*.nuspec").FirstOrDefault() is { } specification)
            {
                XElement metadata = XDocument.Load(specification).Root!.Elements().First(element => element.Name.LocalName == "metadata");
                string Value(string name) => metadata.Elements().First(element => element.Name.LocalName == name).Value;
                return new Part(Value("id"), Value("version"), $"pkg:nuget/{Value("id")}@{Value("version")}");
            }
        }

        return null;
    }

    /// <summary>Asks once for all files: dpkg-query reads the lists of all installed packages each time.</summary>
    private static Dictionary<string, Part> OfDebian(IReadOnlyCollection<string> paths)
    {
        // "libc6-dev:amd64: /usr/lib/x86_64-linux-gnu/libc.a", a line for each file that some package has. Several may have a directory:
        // "gcc-12, libgcc-12-dev:amd64: /usr/lib/gcc".
        HashSet<string> wanted = [.. paths];
        (string Package, string Path)[] found = [.. Query(["-S", "--", .. paths.Select(Literally)])
            .Select(line => (Line: line, End: line.IndexOf(": /", StringComparison.Ordinal)))
            .Where(each => each.End > 0)
            .Select(each => (each.Line[..each.End], each.Line[(each.End + 2)..]))
            .Where(each => wanted.Contains(each.Item2))];
        if (found.Length == 0)
        {
            return [];
        }

        string[] packages = [.. found.Select(each => each.Package).Distinct()];
        Dictionary<string, Part> parts = Query(
                ["-W", "-f=${binary:Package} ${Package} ${Version} ${Architecture}\\n", "--", .. packages])
            .Select(line => line.Split(' '))
            .Where(fields => fields.Length == 4)
            .ToDictionary(
                fields => fields[0],
                fields => new Part(fields[1], fields[2], $"pkg:deb/debian/{fields[1]}@{Uri.EscapeDataString(fields[2])}?arch={fields[3]}"));
        return found.Where(each => parts.ContainsKey(each.Package)).ToDictionary(each => each.Path, each => parts[each.Package]);
    }

    /// <summary>dpkg-query takes what has one of these for a pattern, and a backslash before each of them for the character.</summary>
    private static string Literally(string path) =>
        string.Concat(path.Select(character => character is '*' or '?' or '[' or '\\' ? $"\\{character}" : $"{character}"));

    /// <summary>The lines that it wrote. It fails if one of the packages or files is unknown, and yet names the others.</summary>
    private static string[] Query(IReadOnlyCollection<string> arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("dpkg-query", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            string answer = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return answer.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // This system has no Debian packages.
            return [];
        }
    }
}
