using System.Diagnostics;
using System.Reflection;
using Xenlet.Tests;

namespace Xenlet.Linker.Tests;

/// <summary>A project of targets of the Sdk alone, which compiles nothing.</summary>
internal sealed class TargetsProject : IDisposable
{
    /// <summary>The top directory of the sources.</summary>
    public static string Repository { get; } = typeof(TargetsProject).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    private readonly ScratchDirectory _scratch = new();

    /// <summary>The directory of the Sdk's targets.</summary>
    public static string Sdk { get; } = Path.Combine(Repository, "src", "Sdk", "Sdk");

    /// <summary>The path of a file beside the project.</summary>
    public string this[string name] => _scratch[name];

    public void Dispose() => _scratch.Dispose();

    /// <summary>Runs targets on the object file <c>app.o</c>.</summary>
    /// <param name="file">The file of targets, below src/Sdk.</param>
    /// <param name="program">The object file.</param>
    /// <param name="targets">The targets' names.</param>
    /// <param name="body">What the project has besides.</param>
    /// <param name="option">An option of MSBuild.</param>
    /// <param name="path">PATH, if not that of the tests.</param>
    public (int Status, string Output) Run(
        string file, byte[] program, string targets, string body = "", string option = "-nologo", string? path = null)
    {
        string linker = Path.Combine(AppContext.BaseDirectory, "Xenlet.Linker.dll");
        File.WriteAllBytes(_scratch["app.o"], program);
        File.WriteAllText(_scratch["app.proj"], $"""
            <Project>
              <Import Project="{Path.Combine(Repository, "src", "Sdk", file)}" />
              <PropertyGroup>
                <XenletLinkerCommand>"{Environment.ProcessPath}" "{linker}"</XenletLinkerCommand>
                <NativeObject>app.o</NativeObject>
              </PropertyGroup>
              {body}
            </Project>
            """);
        ProcessStartInfo start = CommandStart.Create(
            Environment.ProcessPath!,
            ["msbuild", "app.proj", $"-t:{targets}", option, "-nologo", "-v:m", "-tl:off", "-nodeReuse:false"],
            path is null ? null : new Dictionary<string, string> { ["PATH"] = path });
        start.WorkingDirectory = _scratch[""];
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
