using System.Text.Json;

namespace Xenlet.Packages.Tests;

/// <summary>Who decides a property: the project, then Directory.Build.props, then Xenlet; but Xenlet before the web SDK.</summary>
public sealed class DefaultTests
{
    private const string Server = "ServerGarbageCollection";
    private const string Events = "EventSourceSupport";

    [Theory]
    [InlineData("Microsoft.NET.Sdk.Web", "", "", "false", "false")]
    [InlineData("Microsoft.NET.Sdk.Web", $"<{Server}>true</{Server}>", "", "true", "false")]
    [InlineData("Microsoft.NET.Sdk", "", $"<{Server}>true</{Server}><{Events}>true</{Events}>", "true", "true")]
    [InlineData("Microsoft.NET.Sdk", $"<{Events}>false</{Events}>", $"<{Events}>true</{Events}>", "false", "false")]
    public async Task What_is_said_nearer_to_the_project_counts(string sdk, string project, string directory, string server, string events)
    {
        using Workplace workplace = await Workplace.CreateAsync();
        workplace.Write("defaults/Directory.Build.props", $"<Project><PropertyGroup>{directory}</PropertyGroup></Project>");
        workplace.Write("defaults/defaults.csproj", $"""
            <Project Sdk="{sdk}">
              <Sdk Name="Xenlet.Sdk" Version="VERSION" />
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                {project}
              </PropertyGroup>
            </Project>
            """);
        CommandResult result = await workplace.DotNetAsync("defaults", ["msbuild", $"-getProperty:{Server}", $"-getProperty:{Events}"]);
        using JsonDocument answer = JsonDocument.Parse(result.AssertSucceeded().Output);
        JsonElement properties = answer.RootElement.GetProperty("Properties");
        Assert.Equal((server, events), (properties.GetProperty(Server).GetString(), properties.GetProperty(Events).GetString()));
    }
}
