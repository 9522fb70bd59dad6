using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Xenlet.Linker.Tests;

/// <summary>A test that needs GNU binutils, and is reported as skipped where they are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BinutilsFactAttribute : FactAttribute
{
    public BinutilsFactAttribute()
    {
        if (!Tool.Exists("ld") || !Tool.Exists("readelf"))
        {
            Skip = "GNU binutils are not installed";
        }
    }
}

/// <summary>A test that needs GNU ld and QEMU.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EmulatorFactAttribute : FactAttribute
{
    public EmulatorFactAttribute()
    {
        if (!Tool.Exists("ld") || !Tool.Exists("qemu-system-x86_64"))
        {
            Skip = "GNU ld or QEMU is not installed";
        }
    }
}

/// <summary>A test that needs a processor with both random number instructions.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RandomTheoryAttribute : TheoryAttribute
{
    public RandomTheoryAttribute()
    {
        bool random = (X86Base.CpuId(1, 0).Ecx & (1 << 30)) != 0;
        bool seed = X86Base.CpuId(0, 0).Eax >= 7 && (X86Base.CpuId(7, 0).Ebx & (1 << 18)) != 0;
        if (!random || !seed)
        {
            Skip = "the processor has no rdrand or no rdseed";
        }
    }
}

/// <summary>Programs that tests run.</summary>
internal static class Tool
{
    public static bool Exists(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, name)));

    /// <summary>Runs a program to its end.</summary>
    public static (int Status, string Output, string Errors) Run(string name, params string[] arguments)
    {
        using Process process =
            Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}

/// <summary>A directory that is removed at the end of the test.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("xenlet-linker-").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
