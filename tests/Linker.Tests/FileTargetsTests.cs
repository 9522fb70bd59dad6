namespace Xenlet.Linker.Tests;

/// <summary>The targets that put the files of a project into its image.</summary>
public sealed class FileTargetsTests : IDisposable
{
    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void What_is_published_beside_the_program_is_listed_and_what_is_compiled_is_not()
    {
        File.WriteAllText(_project["a.txt"], "a");

        (int status, string output) = Run(Item("a.txt", "below/a.txt") + Item("lib.dll", "lib.dll") + Item("web.config", "web.config"));

        Assert.True(status == 0, output);
        Assert.Equal(
            ["variable\tXENLET_TMP=3", "variable\tTZDIR=/XenletTimeZones", $"file\tbelow/a.txt\t{_project["a.txt"]}"],
            File.ReadAllLines(_project["out/files.txt"]));
        Assert.True(File.Exists(_project["out/files.o"]));
    }

    [Fact]
    public void Time_zones_are_listed_and_the_local_one_is_TZ()
    {
        (int status, string output) = Run(
            "", "<XenletTimeZones>UTC;Etc/GMT+5</XenletTimeZones><XenletTimeZone>Etc/GMT</XenletTimeZone>");

        Assert.True(status == 0, output);
        Assert.Equal(
            ["variable\tXENLET_TMP=3", "variable\tTZ=Etc/GMT", "zones\tUTC;Etc/GMT+5", "zone\tEtc/GMT"],
            File.ReadAllLines(_project["out/files.txt"]));
    }

    [Theory]
    [InlineData("xenlet", "no file of an image can have the path xenlet")]
    [InlineData("../a", "no file of an image can have the path ../a")]
    public void A_file_that_an_image_cannot_have_is_XENLET023(string path, string reason)
    {
        File.WriteAllText(_project["a.txt"], "a");

        (int status, string output) = Run(Item("a.txt", path));

        Assert.Equal(1, status);
        Assert.Contains("error XENLET023", output, StringComparison.Ordinal);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }

    /// <summary>Microsoft's targets link again only when the program is missing, or older than the compiler's object.</summary>
    [Fact]
    public void A_program_is_linked_again_when_a_file_has_changed_and_only_then()
    {
        File.WriteAllText(_project["a.txt"], "a");
        string files = Item("a.txt", "a.txt");
        Assert.Equal(0, Run(files).Status);
        File.WriteAllText(_project["program"], "linked");

        Assert.Equal(0, Run(files).Status);
        Assert.True(File.Exists(_project["program"]), "nothing has changed");

        File.WriteAllText(_project["a.txt"], "b");
        Assert.Equal(0, Run(files).Status);
        Assert.False(File.Exists(_project["program"]), "a file has changed");
    }

    private static string Item(string source, string path) => $"""<ResolvedFileToPublish Include="{source}" RelativePath="{path}" />""";

    private (int Status, string Output) Run(string files, string properties = "") => _project.Run(
        "Sdk/Xenlet.Files.targets",
        [],
        "XenletFiles",
        $"""
        <PropertyGroup>
          <_IsPublishing>true</_IsPublishing>
          <NativeIntermediateOutputPath>out/</NativeIntermediateOutputPath>
          <NativeBinary>program</NativeBinary>
          {properties}
        </PropertyGroup>
        <Target Name="XenletCertificates" />
        <Target Name="_ComputeCopyToPublishDirectoryItems">
          <ItemGroup>
            {files}
          </ItemGroup>
        </Target>
        """,
        "-p:XenletTmp=3");
}
