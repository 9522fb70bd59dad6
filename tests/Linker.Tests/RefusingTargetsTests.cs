namespace Xenlet.Linker.Tests;

/// <summary>What the Sdk's targets say where no publish can come that far without another SDK or another compiler.</summary>
public sealed class RefusingTargetsTests : IDisposable
{
    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void An_object_of_another_runtimes_compiler_that_lacks_something_is_refused_with_all_that_it_lacks()
    {
        (int status, string output) = Run("10.0.99", "10.0.12");
        Assert.NotEqual(0, status);
        Assert.Contains("error XENLET006: there is no section __modules", output, StringComparison.Ordinal);
        Assert.Contains("error XENLET006: the kernel does not export ", output, StringComparison.Ordinal);
        Assert.Contains(
            "error XENLET006: the compiler of runtime 10.0.99 does not write what this version of Xenlet links, which was tested with "
                + "10.0.12;",
            output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_of_the_tested_runtimes_compiler_is_not_checked() => Assert.Equal((0, ""), Run("10.0.12", "10.0.12"));

    [Theory]
    [InlineData("kvm", 1)]
    [InlineData("xen", 0)]
    public void A_world_to_run_in_is_one_of_two_or_left_out(string world, int refused)
    {
        (int status, string output) = _project.Run(
            "Sdk/Xenlet.Run.targets", [], "ComputeRunArguments", "<Target Name=\"ComputeRunArguments\" />", $"-p:XenletRun={world}");
        Assert.Equal(refused, status);
        Assert.Equal(
            refused == 1, output.Contains("error XENLET007: XenletRun is 'kvm', and is to be qemu, xen", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("10.0.400", "", true)]
    [InlineData("10.0.401", "true", false)]
    public void An_image_that_another_SDK_builds_in_the_repository_comes_with_a_warning(string sdk, string isReleaseSdk, bool isWarned)
    {
        (int status, string output) = _project.Run(
            "Xenlet.Repository.targets", [], "LinkNative", $"""
            <PropertyGroup>
              <XenletReleaseSdk>10.0.401</XenletReleaseSdk>
              <XenletIsReleaseSdk>{isReleaseSdk}</XenletIsReleaseSdk>
            </PropertyGroup>
            <Target Name="LinkNative" />
            """, $"-p:NETCoreSdkVersion={sdk}");
        Assert.Equal(0, status);
        Assert.Equal(
            isWarned,
            output.Contains(
                $"warning XENLET001: the .NET SDK is {sdk}, releases are built with 10.0.401", StringComparison.Ordinal));
    }

    private (int Status, string Output) Run(string compiler, string tested) =>
        _project.Run(
            "Sdk/Xenlet.Link.targets", CryptographyObject.Write(["malloc"], []), "XenletCheckObject", $"""
            <PropertyGroup>
              <XenletTestedRuntime>{tested}</XenletTestedRuntime>
            </PropertyGroup>
            <ItemGroup>
              <ResolvedILCompilerPack Include="compiler" NuGetPackageVersion="{compiler}" />
            </ItemGroup>
            """);
}
