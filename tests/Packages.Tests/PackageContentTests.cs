using System.IO.Compression;
using System.Xml.Linq;

namespace Xenlet.Packages.Tests;

/// <summary>What is in the packages, before anybody uses them.</summary>
public sealed class PackageContentTests
{
    private static readonly string[] Names =
    [
        "Xenlet.Domain", "Xenlet.Domain.Automatic", "Xenlet.Drivers", "Xenlet.Kernel", "Xenlet.Kernel.Abstractions", "Xenlet.Net",
        "Xenlet.Sdk", "Xenlet.Templates", "Xenlet.Tool", "Xenlet.XenBus", "Xenlet.XenStore",
    ];

    [Fact]
    public async Task Each_package_says_what_a_feed_shows_of_it_and_has_the_files_that_it_names()
    {
        PackedFeed feed = await PackedFeed.Shared;
        Assert.Equal(
            Names.Select(name => $"{name}.{feed.Version}.nupkg"),
            Directory.EnumerateFiles(feed.Path, $"*.{feed.Version}.nupkg").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string name in Names)
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
}
