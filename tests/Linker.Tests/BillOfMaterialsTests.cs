using System.Reflection;
using System.Text.Json;

namespace Xenlet.Linker.Tests;

/// <summary>The list of an image's parts.</summary>
public sealed class BillOfMaterialsTests : IDisposable
{
    private const string Map = """
        Archive member included to satisfy reference by file (symbol)

        /lib/with blank/libA.a(one.o)
                                      /obj/Program.o (a_function)
        /lib/libB.a(two.o)  /lib/with blank/libA.a(one.o) (b_function)

        Merging program properties

        Local IFUNC function `memcpy' in /lib/libM.a(memcpy.o)

        LOAD /lib/crt1.o
        LOAD /lib/libUnused.a
        LOAD /lib/with blank/libA.a
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("xenlet-parts-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Of_a_link_map_the_objects_count_and_the_archives_of_which_a_member_is_in_the_image() =>
        Assert.Equal(["/lib/crt1.o", "/lib/libB.a", "/lib/with blank/libA.a"], LinkMap.Inputs(new StringReader(Map)));

    [Fact]
    public void Parts_of_packages_are_named_by_the_package_and_others_by_the_assembly()
    {
        string package = Directory.CreateDirectory(Path.Combine(_directory, "a.package", "1.2.3", "lib")).FullName;
        File.WriteAllText(
            Path.Combine(_directory, "a.package", "1.2.3", "a.package.nuspec"),
            "<package xmlns=\"urn:x\"><metadata><id>A.Package</id><version>1.2.3</version></metadata></package>");
        string own = Path.Combine(_directory, "Own.dll");
        File.Copy(typeof(BillOfMaterials).Assembly.Location, own);
        string version = typeof(BillOfMaterials).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

        using MemoryStream output = new();
        BillOfMaterials.Write(
            output,
            "Program",
            "4.5.6+0123abc",
            [Path.Combine(package, "One.dll"), own, Path.Combine(package, "Two.dll")],
            new StringReader(""));

        using JsonDocument list = JsonDocument.Parse(output.ToArray());
        Assert.DoesNotContain("1.0.0", version, StringComparison.Ordinal);
        JsonElement root = list.RootElement;
        Assert.Equal(("CycloneDX", "1.6"), (root.GetProperty("bomFormat").GetString(), root.GetProperty("specVersion").GetString()));
        JsonElement program = root.GetProperty("metadata").GetProperty("component");
        Assert.Equal(("Program", "4.5.6"), (program.GetProperty("name").GetString(), program.GetProperty("version").GetString()));
        Assert.Equal(
            [("A.Package", "1.2.3", "pkg:nuget/A.Package@1.2.3"), ("Xenlet.Linker", version, null)],
            root.GetProperty("components").EnumerateArray().Select(part => (
                part.GetProperty("name").GetString()!,
                part.GetProperty("version").GetString()!,
                part.TryGetProperty("purl", out JsonElement url) ? url.GetString() : null)));
    }
}
