namespace Xenlet.Packages.Tests;

/// <summary>Who decides a property: the project, then Directory.Build.props, then Xenlet; but Xenlet before the web SDK.</summary>
public sealed class DefaultTests
{
    private const string Server = "ServerGarbageCollection";
    private const string Events = "EventSourceSupport";
    private const string Concurrent = "ConcurrentGarbageCollection";

    /// <summary>Variables of a web project, and those of its image.</summary>
    private static readonly (string Project, string Expected)[] Variables =
    [
        ("A=1", "A=1 ASPNETCORE_HTTP_PORTS=8080"),
        ("A=1;ASPNETCORE_HTTPS_PORTS=8443", "A=1 ASPNETCORE_HTTPS_PORTS=8443 ASPNETCORE_HTTP_PORTS=8080"),
        ("ASPNETCORE_HTTP_PORTS=80", "ASPNETCORE_HTTP_PORTS=80"),
        ("ASPNETCORE_URLS=http://*:81", "ASPNETCORE_URLS=http://*:81"),
        ("URLS=http://*:82", "URLS=http://*:82"),
    ];

    /// <summary>What Microsoft's SDK, the project and Directory.Build.props say, and what comes of it.</summary>
    private static readonly (string Sdk, string Project, string Directory, string Expected)[] Rows =
    [
        ("Microsoft.NET.Sdk", "", "", "server false, concurrent false, events false, memory 16"),
        ("Microsoft.NET.Sdk.Web", "", "", "server false, concurrent false, events false, memory 128"),
        ("Microsoft.NET.Sdk.Web", $"<{Server}>true</{Server}>", "", "server true, concurrent false, events false, memory 128"),
        ("Microsoft.NET.Sdk", "", $"<{Server}>true</{Server}><{Events}>true</{Events}>",
            "server true, concurrent false, events true, memory 16"),
        ("Microsoft.NET.Sdk", $"<{Events}>false</{Events}>", $"<{Events}>true</{Events}>",
            "server false, concurrent false, events false, memory 16"),
    ];

    [Fact]
    public async Task What_is_said_nearer_to_the_project_counts()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        for (int i = 0; i < Rows.Length; i++)
        {
            workplace.Write($"row{i}/Directory.Build.props", $"<Project><PropertyGroup>{Rows[i].Directory}</PropertyGroup></Project>");
            workplace.Write($"row{i}/row.csproj", $"""
                <Project Sdk="{Rows[i].Sdk}">
                  <Sdk Name="Xenlet.Sdk" Version="VERSION" />
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    {Rows[i].Project}
                  </PropertyGroup>
                  <Target Name="Show">
                    <Message
                      Importance="high"
                      Text="row {i}: server $({Server}), concurrent $({Concurrent}), events $({Events}), memory $(XenletMemory)" />
                  </Target>
                </Project>
                """);
        }

        Assert.Equal(Rows.Select((row, i) => $"row {i}: {row.Expected}"), await ShowAsync(workplace));
    }

    [Fact]
    public async Task A_web_guest_listens_on_8080_unless_its_variables_say_otherwise()
    {
        using Workplace workplace = await Workplace.CreateAsync();
        for (int i = 0; i < Variables.Length; i++)
        {
            workplace.Write($"row{i}/row.csproj", $"""
                <Project Sdk="Microsoft.NET.Sdk.Web">
                  <Sdk Name="Xenlet.Sdk" Version="VERSION" />
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <!-- Without zones the image has a variable that says so. -->
                    <XenletTimeZones>UTC</XenletTimeZones>
                  </PropertyGroup>
                  <ItemGroup>
                    <XenletVariable Include="{Variables[i].Project}" />
                  </ItemGroup>
                  <Target Name="Show" DependsOnTargets="XenletPorts">
                    <Message Importance="high" Text="row {i}: @(XenletVariable, ' ')" />
                  </Target>
                </Project>
                """);
        }

        Assert.Equal(Variables.Select((row, i) => $"row {i}: {row.Expected}"), await ShowAsync(workplace));
    }

    /// <summary>What the target Show of each project says. One process for all: most of its time is its start.</summary>
    private static async Task<IEnumerable<string>> ShowAsync(Workplace workplace)
    {
        workplace.Write("all.proj", """
            <Project>
              <ItemGroup>
                <Row Include="row*/row.csproj" />
              </ItemGroup>
              <Target Name="Show">
                <MSBuild Projects="@(Row)" Targets="Show" />
              </Target>
            </Project>
            """);
        CommandResult result =
            await workplace.DotNetAsync("", ["msbuild", "all.proj", "-t:Show", "-v:minimal", "-nologo", "-tl:off", "-m:1"]);
        return result.AssertSucceeded().Output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line.StartsWith("row ", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
    }
}
