namespace Xenlet.Linker.Tests;

/// <summary>The effect of the decision on a publish: the targets alone, in a project that compiles nothing.</summary>
public sealed class CryptographyTargetsTests : IDisposable
{
    private const string Hash = "CryptoNative_EvpSha256";
    private const string Code = "CryptoNative_HmacOneShot";
    private const string Cell = "__pinvoke_Module__libSystem_Security_Cryptography_Native_OpenSsl__";

    private readonly TargetsProject _project = new();

    public void Dispose() => _project.Dispose();

    [Fact]
    public void What_the_machine_lacks_for_OpenSSL_is_one_error_with_the_command_that_installs_it()
    {
        // MSBuild runs commands by sh.
        File.CreateSymbolicLink(_project["sh"], "/bin/sh");
        (int status, string output) = Run(CryptographyObject.Write([Hash, Code], []), "XenletCryptography", path: _project[""]);
        Assert.NotEqual(0, status);
        string error = Assert.Single(output.Split('\n'), line => line.Contains("error", StringComparison.Ordinal));
        Assert.Contains("error XENLET021", error, StringComparison.Ordinal);
        Assert.Contains("(hashes, HMAC)", error, StringComparison.Ordinal);
        Assert.Contains("sudo apt-get install -y --no-install-recommends cmake make.", error, StringComparison.Ordinal);
        Assert.Contains("XenletOpenSsl=off", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("off", "CryptoNative_GetRandomBytes", Hash, "the image has no OpenSSL, and", "(hashes)")]
    [InlineData("digests", Hash, Code, "the image has of OpenSSL its digests alone, and", "(HMAC)")]
    public void Without_OpenSSL_one_line_says_what_stays_missing(string word, string linked, string lookedFor, string has, string hasNot)
    {
        (int status, string output) = Run(
            CryptographyObject.Write([linked], [Cell + lookedFor]), "XenletCryptography", $"-p:XenletOpenSsl={word}");
        Assert.Equal(0, status);
        string line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"XenletOpenSsl={word}: {has}", line, StringComparison.Ordinal);
        Assert.Contains($"DllNotFoundException {hasNot}", line, StringComparison.Ordinal);
    }

    /// <summary>What the compiler is told to leave undefined; all else that is OpenSSL's is looked for when the program runs.</summary>
    [Theory]
    [InlineData("off", CryptographyNeed.RandomNumbers)]
    [InlineData("digests", CryptographyNeed.Digests)]
    public void The_functions_that_are_linked_are_those_that_there_are_without_OpenSSL(string word, CryptographyNeed need)
    {
        (int status, string output) = Run(
            [], "XenletAfterOpenSsl;Calls", $"-p:XenletOpenSsl={word}", body: """
            <ItemGroup>
              <DirectPInvoke Include="System.Security.Cryptography.Native.OpenSsl" />
            </ItemGroup>
            <Target Name="Calls">
              <Message Importance="high" Text="@(DirectPInvoke, '%0A')" />
            </Target>
            """);
        Assert.Equal(0, status);
        IEnumerable<Block> stubs = need == CryptographyNeed.Digests ? CryptographyStubs.WithDigests() : CryptographyStubs.WithoutOpenSsl();
        string[] functions = [.. stubs.Select(stub => stub.Name).Where(name => name.StartsWith("CryptoNative_", StringComparison.Ordinal))];
        Assert.Equal(
            functions.Select(name => $"libSystem.Security.Cryptography.Native.OpenSsl!{name}").Order(StringComparer.Ordinal),
            output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        Assert.Equal(need, new CryptographyUse(functions, []).Need);
    }

    [Fact]
    public void Any_other_word_for_OpenSSL_is_an_error()
    {
        (int status, string output) = Run([], "XenletCheckOpenSsl", "-p:XenletOpenSsl=static");
        Assert.NotEqual(0, status);
        Assert.Contains("error XENLET020: XenletOpenSsl is 'static'", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("malloc", "")]
    [InlineData("CryptoNative_GetRandomBytes", "cryptography.o")]
    [InlineData(Hash, "cryptography.o -lcrypto -Wl,--wrap=ERR_new,--wrap=ERR_set_debug,--wrap=ERR_set_error")]
    public void The_linker_is_given_what_is_needed_and_nothing_else(string function, string arguments)
    {
        (int status, string output) = Run(
            CryptographyObject.Write([function], []), "XenletCryptography;XenletLinkCryptography;Show");
        Assert.Equal((0, $"linker arguments: [{arguments}]"), (status, output.Trim().Replace("\"", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_the_compiler_of_OpenSSLs_part_said_is_in_the_error()
    {
        Directory.CreateDirectory(_project["compiler/native/src/libs"]);
        File.WriteAllText(_project["compiler/native/src/libs/build-local.sh"], "echo no such header >&2; exit 3\n");
        (int status, string output) = Run(
            [], "XenletCompileOpenSsl", "-p:_XenletNeed=openssl", body: """
            <PropertyGroup>
              <IlcHostPackagePath>$(MSBuildProjectDirectory)/compiler</IlcHostPackagePath>
              <NativeIntermediateOutputPath>$(MSBuildProjectDirectory)/native/</NativeIntermediateOutputPath>
            </PropertyGroup>
            """);
        Assert.NotEqual(0, status);
        Assert.Contains("error XENLET022: .NET's part of OpenSSL could not be compiled:", output, StringComparison.Ordinal);
        Assert.Contains("error XENLET022: no such header", output, StringComparison.Ordinal);
    }

    /// <summary>Runs targets of Xenlet.Cryptography.targets on an object file.</summary>
    private (int Status, string Output) Run(
        byte[] program, string targets, string option = "-nologo", string? path = null, string body = "") =>
        _project.Run(
            "Sdk/Xenlet.Cryptography.targets",
            program,
            targets,
            body + """
            <Target Name="Show">
              <Message Importance="high" Text="linker arguments: [@(LinkerArg, ' ')]" />
            </Target>
            """,
            option,
            path);
}
