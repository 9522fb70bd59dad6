using Xenlet.Machines;

namespace Xenlet.Linker.Tests;

/// <summary>What a publish needs of the machine, and what is named when it lacks it.</summary>
public sealed class PrerequisiteTests
{
    private const string Libraries = "/usr/lib/x86_64-linux-gnu/";

    [Theory]
    [InlineData("", "", "")]
    [InlineData("gcc", "gcc", "gcc, which drives the link")]
    [InlineData("ld", "binutils", "ld and objcopy")]
    [InlineData("objcopy", "binutils", "ld and objcopy")]
    [InlineData($"{Libraries}libc.a", "libc6-dev", "glibc's static libraries (libc.a)")]
    public void Of_a_link(string lacks, string packages, string needs) => AssertNamed(Prerequisite.Linking(), lacks, packages, needs);

    [Fact]
    public void The_compiler_driver_is_the_projects() =>
        AssertNamed(Prerequisite.Linking("cc-13"), "cc-13", "gcc", "cc-13, which drives the link");

    [Theory]
    [InlineData("", "", "")]
    [InlineData("cmake", "cmake", "cmake, which compiles .NET's part of OpenSSL")]
    [InlineData("make", "make", "make")]
    [InlineData("/usr/include/openssl/ssl.h", "libssl-dev", "OpenSSL's headers and static libraries")]
    [InlineData($"{Libraries}libssl.a", "libssl-dev", "OpenSSL's headers and static libraries")]
    [InlineData($"{Libraries}libcrypto.a", "libssl-dev", "OpenSSL's headers and static libraries")]
    public void Of_OpenSSL(string lacks, string packages, string needs) =>
        AssertNamed(Prerequisite.Cryptography, lacks, packages, needs);

    [Theory]
    [InlineData("", "", "")]
    [InlineData("cmake", "", "")]
    [InlineData("/usr/include/openssl/ssl.h", "", "")]
    [InlineData($"{Libraries}libcrypto.a", "libssl-dev", "OpenSSL's static library (libcrypto.a)")]
    public void Of_OpenSSLs_digests(string lacks, string packages, string needs) =>
        AssertNamed(Prerequisite.Digests, lacks, packages, needs);

    [Theory]
    [InlineData("", "", "")]
    [InlineData("cmake", "cmake", "cmake, which compiles .NET's part of ICU")]
    [InlineData("g++", "g++", "C++'s static library")]
    [InlineData("/usr/include/unicode/ucol.h", "libicu-dev", "ICU's headers, static libraries and compiler of resources")]
    [InlineData($"{Libraries}libicudata.a", "libicu-dev", "ICU's headers, static libraries and compiler of resources")]
    [InlineData("genrb", "libicu-dev", "ICU's headers, static libraries and compiler of resources")]
    public void Of_cultures(string lacks, string packages, string needs) =>
        AssertNamed(Prerequisite.Cultures, lacks, packages, needs);

    private static void AssertNamed(IReadOnlyList<Prerequisite> needed, string lacks, string packages, string needs)
    {
        IReadOnlyList<Prerequisite> missing = Prerequisite.Missing(needed, new Machine(lacks));
        Assert.Equal(
            (packages, needs),
            (string.Join(' ', missing.Select(prerequisite => prerequisite.Package)),
                string.Join("; ", missing.Select(prerequisite => prerequisite.Need))));
    }

    /// <summary>A Debian with everything but one command or file.</summary>
    private sealed class Machine(string lacks) : IInstalledFiles
    {
        public bool HasCommand(string name) => name != lacks;

        public bool HasFile(string path) => path != lacks && (path.StartsWith(Libraries, StringComparison.Ordinal) || !IsLibrary(path));

        private static bool IsLibrary(string path) => path.EndsWith(".a", StringComparison.Ordinal);
    }
}
