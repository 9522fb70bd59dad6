using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Xenlet.Packages.Tests;

/// <summary>What is in the packages, before anybody uses them.</summary>
public sealed partial class PackageContentTests
{
    [Fact]
    public async Task Each_package_is_in_the_docs_says_what_a_feed_shows_of_it_and_has_the_files_that_it_names()
    {
        PackedFeed feed = await PackedFeed.Shared;
        string end = $".{feed.Version}.nupkg";
        string[] names = [.. Directory.EnumerateFiles(feed.Path, "*" + end).Select(file => Path.GetFileName(file)[..^end.Length])];
        string table = await File.ReadAllTextAsync(Path.Combine(PackedFeed.RepositoryRoot, "docs", "packages.md"));
        Assert.Equal(
            names.Order(StringComparer.Ordinal),
            TableRow().Matches(table).Select(row => row.Groups["name"].Value).Order(StringComparer.Ordinal));
        foreach (string name in names)
        {
            using ZipArchive package = ZipFile.OpenRead(feed.FileOf(name));
            using Stream text = package.GetEntry($"{name}.nuspec")!.Open();
            Dictionary<string, string> said = XDocument.Load(text).Root!.Elements().Single(element => element.Name.LocalName == "metadata")
                .Elements().ToDictionary(element => element.Name.LocalName, element => element.Value);
            Assert.True(
                said["id"] == name && said["version"] == feed.Version && said["license"] == "MIT" && said["description"].Length > 20
                    && said["authors"].Length > 0 && said["tags"].Contains("xen", StringComparison.Ordinal),
                $"{name} ought to say who it is, and says {string.Join(", ", said)}");
            AssertHas(package, name, said["readme"]);
            AssertHas(package, name, said["icon"]);
            foreach (ZipArchiveEntry library in package.Entries.Where(entry => entry.FullName.StartsWith("lib/", StringComparison.Ordinal)
                && entry.Name.EndsWith(".dll", StringComparison.Ordinal)))
            {
                AssertHas(package, name, Path.ChangeExtension(library.FullName, ".pdb"));
                AssertHas(package, name, Path.ChangeExtension(library.FullName, ".xml"));
            }
        }
    }

    [Fact]
    public async Task The_Sdk_has_every_file_of_its_own_the_linker_and_the_tool()
    {
        PackedFeed feed = await PackedFeed.Shared;
        using ZipArchive package = ZipFile.OpenRead(feed.FileOf("Xenlet.Sdk"));
        IEnumerable<string> own = Directory.EnumerateFiles(Path.Combine(PackedFeed.RepositoryRoot, "src", "Sdk", "Sdk"))
            .Select(file => "Sdk/" + Path.GetFileName(file));
        foreach (string file in own.Concat(
        [
            "Sdk/Xenlet.Package.props", "tools/Xenlet.Linker.dll", "tools/Xenlet.Linker.runtimeconfig.json", "tools/xenlet.ld",
            "tools/xenlet/Xenlet.Tool.dll", "tools/xenlet/Xenlet.Tool.runtimeconfig.json", "THIRD-PARTY-NOTICES.md",
        ]))
        {
            AssertHas(package, "Xenlet.Sdk", file);
        }
    }

    private static void AssertHas(ZipArchive package, string name, string file) =>
        Assert.True(
            package.GetEntry(file) is { Length: > 0 },
            $"{name} ought to have {file}, and has {string.Join(", ", package.Entries.Select(entry => entry.FullName))}");

    /// <summary>A package's row in the table of docs/packages.md.</summary>
    [GeneratedRegex(@"^\| `(?<name>Xenlet\.[A-Za-z.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex TableRow();
}
