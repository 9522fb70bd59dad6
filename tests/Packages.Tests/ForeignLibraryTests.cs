namespace Xenlet.Packages.Tests;

/// <summary>
/// A program of libraries that know nothing of Xen and say that they can be compiled ahead of time. One image has them all.
/// </summary>
[Trait("Category", "Soak")]
public sealed class ForeignLibraryTests
{
    /// <summary>The libraries, with the only versions that were tried.</summary>
    private static readonly (string Package, string Version)[] Libraries =
        [("Markdig", "1.6.0"), ("Polly.Core", "8.9.1"), ("Sep", "0.17.1"), ("Serilog", "4.4.0"), ("Tomlyn", "2.10.2")];

    [Fact]
    public async Task What_five_libraries_of_others_write_is_the_same_in_a_guest_and_on_Linux()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        Write(workplace, "linux", "");
        Write(workplace, "guest", "<Sdk Name=\"Xenlet.Sdk\" Version=\"VERSION\" />");

        CommandResult onLinux = await workplace.DotNetAsync("linux", ["run", "-c", "Release"]);
        string expected = onLinux.AssertSucceeded().Output.TrimEnd('\n');
        Assert.Equal(
            Libraries.Select(library => library.Package),
            expected.Split('\n').Select(line => line.Split(':')[0]));

        // A warning of the native compiler would fail the publish: the claim is that there is none.
        PublishedGuest guest = await workplace.PublishAsync("guest");
        await guest.AssertSaysAsync(expected);
    }

    private static void Write(Workplace workplace, string directory, string line)
    {
        workplace.Write(
            $"{directory}/Program.cs",
            File.ReadAllText(Path.Combine(PackedFeed.RepositoryRoot, "tests", "Packages.Tests", "ForeignLibraries", "Program.cs")));
        workplace.Write($"{directory}/{directory}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              {line}
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
              <ItemGroup>
                {string.Join(
                    "\n    ",
                    Libraries.Select(library => $"<PackageReference Include=\"{library.Package}\" Version=\"{library.Version}\" />"))}
              </ItemGroup>
            </Project>
            """);
    }
}
