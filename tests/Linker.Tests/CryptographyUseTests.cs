namespace Xenlet.Linker.Tests;

public sealed class CryptographyUseTests
{
    private const string Cell = "__pinvoke_System_Security_Cryptography__Module__libSystem_Security_Cryptography_Native_OpenSsl_2050__";

    private static readonly string[] BelowRandomNumbers =
    [
        "CryptoNative_EnsureOpenSslInitialized", "CryptoNative_ErrErrorStringN", "CryptoNative_ErrGetExceptionError",
        "CryptoNative_GetMaxMdSize", "CryptoNative_GetRandomBytes",
    ];

    /// <summary>Functions of OpenSSL that a program may call, what has to be linked, and what the functions are for.</summary>
    public static TheoryData<string[], CryptographyNeed, string> Programs { get; } = new()
    {
        { [], CryptographyNeed.None, "" },
        { ["SystemNative_GetCryptographicallySecureRandomBytes", "malloc"], CryptographyNeed.None, "" },
        { ["CryptoNative_GetRandomBytes"], CryptographyNeed.RandomNumbers, "" },
        { BelowRandomNumbers, CryptographyNeed.RandomNumbers, "" },
        { [.. BelowRandomNumbers, "CryptoNative_EvpDigestOneShot", "CryptoNative_EvpSha256"], CryptographyNeed.Digests, "hashes" },
        { [.. DigestStubs.Functions], CryptographyNeed.Digests, "hashes" },
        { ["CryptoNative_EvpShake128", "CryptoNative_EvpDigestXOFOneShot"], CryptographyNeed.OpenSsl, "hashes, hashes of any length" },
        { ["CryptoNative_EvpSha256", "CryptoNative_OpenSslVersionNumber"], CryptographyNeed.OpenSsl, "hashes" },
        { ["CryptoNative_EvpMd5", "CryptoNative_HmacOneShot"], CryptographyNeed.OpenSsl, "hashes, HMAC" },
        { ["CryptoNative_Pbkdf2"], CryptographyNeed.OpenSsl, "key derivation" },
        { ["CryptoNative_EvpAes256Gcm", "CryptoNative_EvpCipherUpdate"], CryptographyNeed.OpenSsl, "ciphers" },
        { ["CryptoNative_RsaSignHash"], CryptographyNeed.OpenSsl, "RSA" },
        { ["CryptoNative_EcDsaVerifyHash"], CryptographyNeed.OpenSsl, "elliptic curves" },
        { ["CryptoNative_X509VerifyCert", "CryptoNative_SslDoHandshake"], CryptographyNeed.OpenSsl, "certificates, TLS" },
        { ["CryptoNative_LookupFriendlyNameByOid"], CryptographyNeed.OpenSsl, "other cryptography" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void What_an_object_file_leaves_undefined_decides(string[] functions, CryptographyNeed need, string purposes)
    {
        CryptographyUse use = Read(CryptographyObject.Write(functions, []));
        Assert.Equal(need, use.Need);
        Assert.Equal(purposes, use.Purposes);
        Assert.Equal(functions.Where(name => name.StartsWith("CryptoNative_", StringComparison.Ordinal)).Order(), use.Linked);
    }

    [Fact]
    public void What_is_looked_for_at_run_time_needs_nothing_linked_and_is_named()
    {
        CryptographyUse use = Read(CryptographyObject.Write(
            BelowRandomNumbers, [$"{Cell}CryptoNative_EvpSha256", $"{Cell}CryptoNative_SslWrite", "__pinvoke_Module__libX__Y"]));
        Assert.Equal(CryptographyNeed.RandomNumbers, use.Need);
        Assert.Equal(["CryptoNative_EvpSha256", "CryptoNative_SslWrite"], use.LookedFor);
        Assert.Equal("hashes, TLS", use.Purposes);
        Assert.Equal("hashes, TLS", use.Refused);
    }

    [Fact]
    public void What_is_linked_is_not_refused()
    {
        CryptographyUse use = Read(CryptographyObject.Write(["CryptoNative_EvpSha256"], [$"{Cell}CryptoNative_HmacOneShot"]));
        Assert.Equal(CryptographyNeed.Digests, use.Need);
        Assert.Equal(("hashes, HMAC", "HMAC"), (use.Purposes, use.Refused));
    }

    [Fact]
    public void A_function_that_the_object_file_defines_itself_is_no_need() =>
        Assert.Equal(CryptographyNeed.None, Read(CryptographyObject.Write([], ["CryptoNative_EvpSha256"])).Need);

    [Theory]
    [InlineData("malloc", "none||", "||", "")]
    [InlineData("CryptoNative_GetRandomBytes", "random||", "||", "CryptoNative_GetRandomBytes")]
    [InlineData("CryptoNative_EvpSha256", "digests|hashes|", "--wrap=ERR_set_error||", "CryptoNative_EvpSha256")]
    [InlineData("CryptoNative_HmacOneShot", "openssl|HMAC|", "||", "__wrap_RAND_bytes")]
    [InlineData("CryptoNative_GetX509RootStoreFile", "openssl|certificates|", "|authorities|", "__wrap_RAND_bytes")]
    public void The_command_says_what_to_link_and_writes_the_stubs_for_it(string function, string said, string last, string stub)
    {
        using ScratchDirectory scratch = new();
        File.WriteAllBytes(scratch["app.o"], CryptographyObject.Write([function], []));
        (int status, string output, string errors) = Tool.Run(
            "dotnet", Path.Combine(AppContext.BaseDirectory, "Xenlet.Linker.dll"), "cryptography", scratch["app.o"], scratch["stubs.o"]);
        Assert.Equal((0, ""), (status, errors));
        Assert.StartsWith(said, output, StringComparison.Ordinal);
        Assert.EndsWith(last, output.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal(stub != "", File.Exists(scratch["stubs.o"]));
        if (stub != "")
        {
            ObjectFile stubs = new("stubs.o", File.ReadAllBytes(scratch["stubs.o"]));
            Assert.NotEqual(0, stubs.SymbolSection(stubs.FindSymbol(stub)));
        }
    }

    private static CryptographyUse Read(byte[] bytes) => CryptographyUse.Read(new ObjectFile("app.o", bytes));
}
