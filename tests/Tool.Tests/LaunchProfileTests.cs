using Xenlet.Tool.Runs;

namespace Xenlet.Tool.Tests;

/// <summary>Which variables of the launch settings a guest gets.</summary>
public sealed class LaunchProfileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>Every template of a web project has an applicationUrl, of localhost.</summary>
    [Theory]
    [InlineData("http://localhost:5299", "ASPNETCORE_ENVIRONMENT")]
    [InlineData("https://localhost:7070;http://localhost:5299", "ASPNETCORE_ENVIRONMENT")]
    [InlineData("http://127.0.0.1:5299", "ASPNETCORE_ENVIRONMENT")]
    [InlineData("http://[::1]:5299", "ASPNETCORE_ENVIRONMENT")]
    [InlineData("http://*:5299", "ASPNETCORE_ENVIRONMENT ASPNETCORE_URLS")]
    [InlineData("http://0.0.0.0:5299", "ASPNETCORE_ENVIRONMENT ASPNETCORE_URLS")]
    public void Have_the_address_where_it_listens_unless_nobody_would_reach_it_there(string addresses, string names)
    {
        _directory.Write("Properties/launchSettings.json", $$"""
            {
              "profiles": {
                "http": { "applicationUrl": "{{addresses}}", "environmentVariables": { "ASPNETCORE_ENVIRONMENT": "Development" } }
              }
            }
            """);

        Assert.Equal(names, string.Join(' ', LaunchProfile.Names(_directory["web.csproj"], "http")));
    }
}
