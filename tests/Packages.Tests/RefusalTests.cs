namespace Xenlet.Packages.Tests;

/// <summary>What cannot become a guest is refused before it is compiled, with a line that says what to change.</summary>
public sealed class RefusalTests
{
    private const string NotCompiled = "this line does not compile";

    /// <summary>What a guest cannot be without, what a project may say instead, and what is needed.</summary>
    private static readonly (string Property, string Value, string Needed)[] Required =
    [
        ("PublishAot", "false", "true"),
        ("RuntimeIdentifier", "linux-arm64", "linux-x64"),
        ("StaticExecutable", "false", "true"),
        ("PositionIndependentExecutable", "true", "false"),
        ("IlcDehydrate", "true", "false"),
        ("XenletServices", "yes", "true', 'devices' or 'false"),
        ("XenletNetwork", "yes", "auto', 'on' or 'off"),
        ("OutputType", "Library", "Exe"),
    ];

    /// <summary>Properties of a domain that cannot be, in the order of their lines, and what is said of each.</summary>
    private static readonly (string Property, string Value, string Message)[] WrongProperties =
    [
        ("XenletMemory", "little", "a whole number (MiB) from 1 to 16777216 is needed"),
        ("XenletVCpus", "0", "a whole number (processors) from 1 to 128 is needed"),
        ("XenletCommandLine", "say 'hello", "the guest would refuse its command line"),
        ("XenletDomainName", "two words", "a domain's name is letters, digits"),
        ("XenletImagePath", "here/image.elf", "begins with '/'"),
    ];

    /// <summary>Items of a domain that cannot be, and what is said of each.</summary>
    private static readonly (string Item, string[] Parts)[] WrongItems =
    [
        ("""<XenletDisk Include="xvda" />""", ["XenletDisk xvda", "Path has to be"]),
        ("""<XenletDisk Include="xvda" Path="/b" />""", ["XenletDisk xvda", "set twice, also at"]),
        ("""<XenletDisk Include="sdc" Path="/c" />""", ["XenletDisk sdc", "a disk's name is xvda"]),
        ("""<XenletDisk Include="xvdd" Path="/d" Format="zip" />""", ["XenletDisk xvdd", "Format is 'zip'"]),
        ("""<XenletDisk Include="xvde" Path="/e" Access="none" />""", ["XenletDisk xvde", "Access is 'none'"]),
        ("""<XenletInterface Include="xenbr0" Mac="01:00:00:00:00:01" />""", ["XenletInterface xenbr0", "first byte is even"]),
    ];

    [Fact]
    public async Task All_that_a_guest_cannot_be_without_is_named_at_once()
    {
        using Workplace workplace = await ProjectAsync(Required.Select(row => (row.Property, row.Value)), []);
        CommandResult result = await workplace.PublishAnyAsync("refused");
        foreach ((string property, string value, string needed) in Required)
        {
            result.AssertRefused("refused.csproj", "error XENLET002", $"{property} is '{value}'", $"needs '{needed}'");
        }
    }

    [Fact]
    public async Task A_network_without_the_services_that_connect_its_interfaces_is_refused()
    {
        using Workplace workplace = await ProjectAsync([("XenletNetwork", "on"), ("XenletServices", "false")], []);
        (await workplace.PublishAnyAsync("refused")).AssertRefused("error XENLET002", "XenletServices is 'false'", "XenletNetwork is 'on'");
    }

    [Fact]
    public async Task Another_major_version_of_NET_is_named()
    {
        using Workplace workplace = await ProjectAsync([("TargetFramework", "net9.0")], []);
        (await workplace.PublishAnyAsync("refused")).AssertRefused("error XENLET003", "'net9.0'", "net10.0");
    }

    [Fact]
    public async Task All_tools_that_the_machine_lacks_are_named_at_once_with_the_command_that_installs_them()
    {
        using Workplace workplace = await ProjectAsync([], []);
        string path = workplace.PathOf("path");
        Directory.CreateDirectory(path);
        string dotnet = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(directory => Path.Combine(directory, "dotnet"))
            .First(File.Exists);
        File.CreateSymbolicLink(Path.Combine(path, "dotnet"), dotnet);

        // MSBuild runs commands by sh.
        File.CreateSymbolicLink(Path.Combine(path, "sh"), "/bin/sh");
        CommandResult result = await workplace.PublishAnyAsync("refused", environment: new Dictionary<string, string> { ["PATH"] = path });
        result.AssertRefused(
            "error XENLET004", "gcc, which drives the link", "ld and objcopy", "apt-get install -y --no-install-recommends gcc binutils");
        Assert.DoesNotContain("CS", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Everything_that_is_wrong_with_a_domain_is_an_error_with_file_and_line()
    {
        using Workplace workplace = await ProjectAsync(
            WrongProperties.Select(row => (row.Property, row.Value)), WrongItems.Select(row => row.Item));
        CommandResult result = await workplace.PublishAnyAsync("refused");
        string[] lines = await File.ReadAllLinesAsync(workplace.PathOf("refused/refused.csproj"));
        foreach ((string property, string value, string message) in WrongProperties)
        {
            int line = Array.FindIndex(lines, text => text.Contains($"<{property}>", StringComparison.Ordinal)) + 1;
            result.AssertRefused($"refused.csproj({line},", "error XENLET005", $"{property} is '{value}'", message);
        }

        foreach ((string item, string[] parts) in WrongItems)
        {
            int line = Array.FindIndex(lines, text => text.Contains(item, StringComparison.Ordinal)) + 1;
            result.AssertRefused([$"refused.csproj({line},", "error XENLET005", .. parts]);
        }
    }

    [Fact]
    public async Task The_line_of_a_property_of_a_file_is_the_files()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("file/hello.cs", $"#:sdk Xenlet.Sdk@VERSION\n#:property XenletVCpus=many\n{NotCompiled}\n");
        (await workplace.PublishAnyAsync("file", "hello.cs")).AssertRefused("hello.cs(2,", "error XENLET005", "XenletVCpus is 'many'");
    }

    /// <summary>A project that would not compile, so that nothing can have been compiled when it is refused for another reason.</summary>
    private static async Task<Workplace> ProjectAsync(IEnumerable<(string Name, string Value)> properties, IEnumerable<string> items)
    {
        Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("refused/Program.cs", NotCompiled);
        workplace.Write("refused/refused.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <Sdk Name="Xenlet.Sdk" Version="VERSION" />
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                {string.Join("\n    ", properties.Select(property => $"<{property.Name}>{property.Value}</{property.Name}>"))}
              </PropertyGroup>
              <ItemGroup>
                {string.Join("\n    ", items)}
              </ItemGroup>
            </Project>
            """);
        return workplace;
    }
}
