using System.Text.Json;

namespace Xenlet.Build.Tests;

/// <summary>Which packages a build takes.</summary>
public sealed class SupplyChainTests
{
    private readonly Repository _repository = new(Places.RepositoryRoot);
    private readonly ProcessRunner _processes = new(CancellationToken.None);

    [Fact]
    public void With_the_SDK_of_a_release_packages_are_those_of_the_lock_file_and_another_SDK_has_a_lock_file_of_its_own()
    {
        string sdk = Evaluate("").Sdk;
        Assert.Equal(("true", ""), Evaluate(sdk).Lock);
        Assert.Equal(("", "obj/packages.lock.json"), Evaluate("10.0.999").Lock);
    }

    [Fact]
    public void Every_project_has_its_packages_locked() =>
        Assert.All(
            _repository.FindProjectFiles().Where(file => file.Extension == ".csproj"),
            project => Assert.True(
                File.Exists(Path.Combine(Path.GetDirectoryName(project.FullName)!, "packages.lock.json")),
                $"{project.FullName} has no packages.lock.json beside it"));

    private (string Sdk, (string LockedMode, string File) Lock) Evaluate(string releaseSdk)
    {
        string project = Path.Combine(_repository.Root, "samples", "Hello", "Hello.csproj");
        using JsonDocument answer = JsonDocument.Parse(_processes.Capture(
            "dotnet",
            "msbuild",
            project,
            $"-p:XenletReleaseSdk={releaseSdk}",
            "-getProperty:NETCoreSdkVersion",
            "-getProperty:RestoreLockedMode",
            "-getProperty:NuGetLockFilePath"));
        JsonElement properties = answer.RootElement.GetProperty("Properties");
        string Value(string name) => properties.GetProperty(name).GetString()!;
        return (Value("NETCoreSdkVersion"), (Value("RestoreLockedMode"), Value("NuGetLockFilePath")));
    }
}
