using System.Text.Json;
using System.Xml.Linq;

namespace Xenlet.Packages.Tests;

/// <summary>Every way from the packages to a guest that takes a compilation of its own: `build.sh test packages` runs them.</summary>
[Trait("Category", "Soak")]
public sealed class MatrixTests
{
    private const string Hello = "Console.WriteLine(\"hello from a package\");\n";

    /// <summary>The samples, and what each is made of besides the kernel.</summary>
    public static TheoryData<string> Samples => ["Hello", "DeviceTree", "Disk", "Echo", "Ping", "XenStoreTool"];

    [Fact]
    public async Task A_guest_of_the_template_runs_under_Xen()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        await workplace.InstallTemplatesAsync();
        (await workplace.DotNetAsync("xen", ["new", "xenlet"])).AssertSucceeded();
        PublishedGuest guest = await workplace.PublishAsync("xen");
        await guest.AssertSaysAsync("Hello, Xen!", isUnderXen: true);
    }

    [Fact]
    public async Task The_drivers_template_passes_its_own_test_and_becomes_a_guest()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        await workplace.InstallTemplatesAsync();
        (await workplace.DotNetAsync("Parrot", ["new", "xenlet-driver"])).AssertSucceeded();
        CommandResult test = await workplace.DotNetAsync("Parrot/Parrot.Tests", ["test", "-nologo", "-m:1"]);
        Assert.Contains("Passed:     1", test.AssertSucceeded().Output, StringComparison.Ordinal);
        (await workplace.PublishAsync("Parrot/Parrot.Guest")).AssertWhole();
    }

    [Fact]
    public async Task A_project_in_FSharp_is_a_guest()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        await workplace.InstallTemplatesAsync();
        (await workplace.DotNetAsync("fsharp", ["new", "xenlet", "--language", "F#"])).AssertSucceeded();
        PublishedGuest guest = await workplace.PublishAsync("fsharp");
        guest.AssertWhole();
        await guest.AssertSaysAsync("Hello, F#!", commandLine: "F#");
    }

    [Fact]
    public async Task The_package_alone_as_a_projects_SDK_brings_that_of_NET()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("alone/Program.cs", "System." + Hello);
        workplace.Write("alone/alone.csproj", """
            <Project Sdk="Xenlet.Sdk/VERSION">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
              </PropertyGroup>
            </Project>
            """);
        await (await workplace.PublishAsync("alone")).AssertSaysAsync("hello from a package");
    }

    [Fact]
    public async Task A_program_that_resolves_names_is_linked_without_a_warning()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        WriteHello(workplace, "names");
        workplace.Write("names/Program.cs", "System.Console.WriteLine(System.Net.Dns.GetHostAddresses(args[0]).Length);\n");
        workplace.Write(
            "names/Directory.Build.props", "<Project><PropertyGroup><XenletNetwork>on</XenletNetwork></PropertyGroup></Project>");
        (await workplace.PublishAsync("names")).AssertWhole();
    }

    [Fact]
    public async Task A_program_of_sockets_without_a_word_of_Xen_has_its_loopback()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        WriteHello(workplace, "sockets");
        workplace.Write("sockets/Program.cs", """
            using System.Net;
            using System.Net.Sockets;

            using TcpListener listener = new(IPAddress.IPv6Loopback, 0);
            listener.Start();
            using TcpClient client = new(AddressFamily.InterNetworkV6);
            client.Connect((IPEndPoint)listener.LocalEndpoint);
            using TcpClient accepted = listener.AcceptTcpClient();
            client.GetStream().Write("over TCP"u8);
            byte[] bytes = new byte[8];
            accepted.GetStream().ReadExactly(bytes);
            System.Console.WriteLine(System.Text.Encoding.ASCII.GetString(bytes));
            """);
        await (await workplace.PublishAsync("sockets")).AssertSaysAsync("over TCP");
    }

    [Fact]
    public async Task Equal_sources_in_two_directories_give_equal_bytes()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        PublishedGuest one = await PublishHelloAsync(workplace, "here/same");
        PublishedGuest other = await PublishHelloAsync(workplace, "in another öne/deeper/same");
        foreach (string extension in (string[])[".elf", ".debug", ".cfg", ".xml", ".cdx.json"])
        {
            byte[] first = await File.ReadAllBytesAsync(one.FileOf(extension));
            byte[] second = await File.ReadAllBytesAsync(other.FileOf(extension));
            Assert.True(
                first.AsSpan().SequenceEqual(second), $"same{extension} differs from byte {first.AsSpan().CommonPrefixLength(second)} on");
        }
    }

    [Fact]
    public async Task With_another_version_in_its_line_a_project_has_the_parts_of_that_version()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        string before = workplace.Feed.Version;
        Assert.Equal(before, await KernelVersionAsync(await PublishHelloAsync(workplace, "upgrade")));
        await workplace.Feed.PackNextAsync();
        Assert.NotEqual(before, workplace.Feed.Version);
        Assert.Equal(workplace.Feed.Version, await KernelVersionAsync(await PublishHelloAsync(workplace, "upgrade")));
    }

    [Fact]
    public async Task Another_patch_of_the_runtime_is_published_after_a_check_of_the_compilers_object()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        WriteHello(workplace, "patch");
        CommandResult result = await workplace.PublishAnyAsync("patch", properties: ["-p:XenletTestedRuntime=10.0.0", "-v:detailed"]);
        result.AssertSucceeded();
        Assert.Contains("Xenlet.Linker.dll\" check", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task A_sample_that_is_copied_out_and_given_the_line_is_a_guest(string sample)
    {
        using Workplace workplace = await Workplace.CreateAsync();
        string source = Path.Combine(PackedFeed.RepositoryRoot, "samples", sample);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(source, file).Split('/').Any(part => part is "bin" or "obj" or "packages.lock.json")))
        {
            workplace.Write(Path.Combine(sample, Path.GetRelativePath(source, file)), await File.ReadAllTextAsync(file));
        }

        string project = workplace.PathOf($"{sample}/{sample}.csproj");
        workplace.Write($"{sample}/{sample}.csproj", OutsideTheRepository(await File.ReadAllTextAsync(project)));
        (await workplace.PublishAsync(sample)).AssertWhole();
    }

    /// <summary>A sample's project with packages in place of the repository's files, and the properties that those give it.</summary>
    private static string OutsideTheRepository(string project)
    {
        XElement root = XElement.Parse(project);
        root.SetAttributeValue("Sdk", "Microsoft.NET.Sdk");
        root.Elements("Import").Remove();
        root.AddFirst(
            new XElement("Sdk", new XAttribute("Name", "Xenlet.Sdk"), new XAttribute("Version", "VERSION")),
            new XElement(
                "PropertyGroup",
                new XElement("TargetFramework", "net10.0"),
                new XElement("Nullable", "enable"),
                new XElement("ImplicitUsings", "enable")));
        foreach (XElement reference in root.Descendants("ProjectReference").ToArray())
        {
            string name = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value);
            reference.ReplaceWith(new XElement(
                "PackageReference",
                new XAttribute("Include", name == "Xenlet.XenStoreRing" ? "Xenlet.XenStore" : name),
                new XAttribute("Version", "VERSION")));
        }

        return root.ToString();
    }

    private static void WriteHello(Workplace workplace, string directory)
    {
        workplace.Write($"{directory}/Program.cs", "System." + Hello);
        workplace.Write($"{directory}/{Path.GetFileName(directory)}.csproj", """
            <Project Sdk="Microsoft.NET.Sdk">
              <Sdk Name="Xenlet.Sdk" Version="VERSION" />
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
              </PropertyGroup>
            </Project>
            """);
    }

    private static Task<PublishedGuest> PublishHelloAsync(Workplace workplace, string directory)
    {
        WriteHello(workplace, directory);
        return workplace.PublishAsync(directory);
    }

    private static async Task<string?> KernelVersionAsync(PublishedGuest guest)
    {
        using JsonDocument parts = JsonDocument.Parse(await File.ReadAllBytesAsync(guest.FileOf(".cdx.json")));
        return parts.RootElement.GetProperty("components").EnumerateArray()
            .Single(part => part.GetProperty("name").GetString() == "Xenlet.Kernel").GetProperty("version").GetString();
    }
}
