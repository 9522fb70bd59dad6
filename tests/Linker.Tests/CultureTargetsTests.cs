namespace Xenlet.Linker.Tests;

/// <summary>The targets that link ICU, in a project that compiles nothing.</summary>
public sealed class CultureTargetsTests : IDisposable
{
    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Theory]
    [InlineData("false", "", 1)]
    [InlineData("true", "", 0)]
    [InlineData("false", "<XenletCultures>de</XenletCultures>", 0)]
    [InlineData("true", "<XenletCultures>de</XenletCultures>", 0)]
    public void Cultures_that_nobody_names_are_XENLET026(string isInvariant, string cultures, int expected)
    {
        (int status, string output) = Run(
            "XenletCheckCultures", $"<InvariantGlobalization>{isInvariant}</InvariantGlobalization>{cultures}");
        Assert.True(status == expected, output);
        Assert.Equal(expected == 1, output.Contains("error XENLET026", StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_compiler_of_ICUs_part_said_is_in_the_error()
    {
        Directory.CreateDirectory(_project["compiler/native/src/libs"]);
        File.WriteAllText(_project["compiler/native/src/libs/build-local.sh"], "echo no such header >&2; exit 3\n");
        (int status, string output) = Run("XenletCompileIcu", "<XenletCultures>de</XenletCultures>");
        Assert.NotEqual(0, status);
        Assert.Contains("error XENLET027: .NET's part of ICU could not be compiled:", output, StringComparison.Ordinal);
        Assert.Contains("no such header", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_culture_that_ICU_has_not_is_XENLET028()
    {
        (int status, string output) = Run("XenletCultures", "<XenletCultures>de;xx-DE</XenletCultures>");
        Assert.NotEqual(0, status);
        Assert.Contains("ICU has no culture of the language xx", output, StringComparison.Ordinal);
        Assert.Contains("error XENLET028: XenletCultures is 'de;xx-DE'", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_object_has_the_data_of_the_language_alone()
    {
        (int status, string output) = Run("XenletCultures", "<XenletCultures>de-AT</XenletCultures>");
        Assert.True(status == 0, output);
        byte[] data = File.ReadAllBytes(_project["native/cultures.o"]);
        Assert.InRange(data.Length, 1_000_000, 4_000_000);
        Assert.True(data.AsSpan().IndexOf("/de_AT.res\0"u8) > 0, "the language is there");
        Assert.True(data.AsSpan().IndexOf("/fr.res\0"u8) < 0, "and no other one");
    }

    /// <summary>The properties stand before the targets, as a project's do.</summary>
    private (int Status, string Output) Run(string targets, string properties)
    {
        Directory.CreateDirectory(_project["native"]);
        File.WriteAllText(_project["cultures.targets"], $"""
            <Project>
              <PropertyGroup>
                {properties}
                <CppLinker>gcc</CppLinker>
                <IlcHostPackagePath>$(MSBuildProjectDirectory)/compiler</IlcHostPackagePath>
                <NativeIntermediateOutputPath>$(MSBuildProjectDirectory)/native/</NativeIntermediateOutputPath>
              </PropertyGroup>
              <Import Project="{Path.Combine(TargetsProject.Repository, "src", "Sdk", "Sdk", "Xenlet.Cultures.targets")}" />
            </Project>
            """);
        return _project.Run(_project["cultures.targets"], [], targets);
    }
}
