using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests.Web;

/// <summary>samples/Web as a process of this machine, in a directory with what was published beside it.</summary>
internal sealed partial class LinuxWebService : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("xenlet-web-");
    private readonly Process _process;
    private readonly Task<int> _port;

    private LinuxWebService(string image, DateTime pageTime)
    {
        string published = Path.GetDirectoryName(image)!;
        string program = Path.GetDirectoryName(published)!;
        string assets = _directory.CreateSubdirectory("wwwroot").FullName;
        foreach (string file in Directory.GetFiles(Path.Combine(published, "wwwroot")))
        {
            string asset = Path.Combine(assets, Path.GetFileName(file));
            File.Copy(file, asset);
            File.SetLastWriteTimeUtc(asset, pageTime);
        }

        foreach (string file in (string[])["appsettings.json", "web.crt", "web.key", "Web.staticwebassets.endpoints.json"])
        {
            File.Copy(Path.Combine(published, file), Path.Combine(_directory.FullName, file));
        }

        // What the build leaves beside the program is the list of its own assets, and not of those that are published.
        foreach (string file in (string[])["Web.dll", .. Directory.GetFiles(program, "Xenlet.*.dll")])
        {
            string assembly = Path.GetFileName(file);
            File.Copy(Path.Combine(program, assembly), Path.Combine(_directory.FullName, assembly));
        }

        string configuration = Path.Combine(_directory.FullName, "runtimeconfig.json");
        File.WriteAllText(configuration, WithSharedFrameworks(Path.Combine(program, "Web.runtimeconfig.json")));
        ProcessStartInfo start = CommandStart.Create(
            "dotnet",
            ["exec", "--runtimeconfig", configuration, Path.Combine(_directory.FullName, "Web.dll")],
            new Dictionary<string, string> { ["ASPNETCORE_URLS"] = "http://127.0.0.1:0" });
        start.WorkingDirectory = _directory.FullName;
        _process = Process.Start(start)!;
        _port = ReadPortAsync();
    }

    /// <summary>Starts it.</summary>
    /// <param name="pageTime">When its page was changed: a server derives the page's tag from that.</param>
    /// <returns>The service, and its port of HTTP at 127.0.0.1.</returns>
    public static async Task<(LinuxWebService Service, int Port)> StartAsync(DateTime pageTime)
    {
        LinuxWebService service = new(await Images.Web, pageTime);
        return (service, await service._port.WaitAsync(World.Limit));
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    /// <summary>The program was published for itself; here the frameworks are the machine's.</summary>
    private static string WithSharedFrameworks(string path)
    {
        JsonNode configuration = JsonNode.Parse(File.ReadAllText(path))!;
        JsonObject options = configuration["runtimeOptions"]!.AsObject();
        JsonNode frameworks = options["includedFrameworks"]!;
        options.Remove("includedFrameworks");
        options["frameworks"] = frameworks;
        return configuration.ToJsonString();
    }

    private async Task<int> ReadPortAsync()
    {
        int? port = null;
        List<string> lines = [];
        while (port is null)
        {
            string line = await _process.StandardOutput.ReadLineAsync()
                ?? throw new InvalidOperationException(
                    $"samples/Web does not start on Linux:\n{string.Join('\n', lines)}\n{await _process.StandardError.ReadToEndAsync()}");
            lines.Add(line);
            Match match = Listening().Match(line);
            port = match.Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;
        }

        // A process whose output nobody reads comes to a stop.
        _ = _process.StandardOutput.ReadToEndAsync();
        _ = _process.StandardError.ReadToEndAsync();
        return port.Value;
    }

    [GeneratedRegex(@"Now listening on: http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
