using System.Diagnostics;
using System.Xml.Linq;

namespace Xenlet.Linker;

/// <summary>Finds the package that a file comes from: NuGet's by the .nuspec above it, Debian's by <c>dpkg-query</c>.</summary>
internal sealed class PackageFinder
{
    private readonly Dictionary<string, Part?> _byDirectory = [];

    /// <summary>The package, or <see langword="null"/> if the file is in no known package.</summary>
    public Part? OwnerOf(string path)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!_byDirectory.TryGetValue(directory, out Part? package))
        {
            package = OfNuGet(directory);
            _byDirectory.Add(directory, package);
        }

        return package ?? OfDebian(path);
    }

    private static Part? OfNuGet(string? directory)
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

    private static Part? OfDebian(string path)
    {
        // "libc6-dev:amd64: /usr/lib/x86_64-linux-gnu/libc.a"
        if (Query("-S", path) is not { } owner || owner.LastIndexOf(": ", StringComparison.Ordinal) is not (> 0 and var end))
        {
            return null;
        }

        string? found = Query("-W", "-f=${Package} ${Version} ${Architecture}", owner[..end]);
        return found?.Split(' ') is [var name, var version, var architecture]
            ? new Part(name, version, $"pkg:deb/debian/{name}@{Uri.EscapeDataString(version)}?arch={architecture}")
            : null;
    }

    private static string? Query(params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo("dpkg-query", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            string answer = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? answer : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // This system has no Debian packages.
            return null;
        }
    }
}
