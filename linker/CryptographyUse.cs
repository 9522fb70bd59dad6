using System.Text;

namespace Xenlet.Linker;

/// <summary>What has to be linked for a program's cryptography.</summary>
public enum CryptographyNeed
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The functions below <see cref="System.Security.Cryptography.RandomNumberGenerator"/>, which are stubs.</summary>
    RandomNumbers,

    /// <summary>Those and the ones below the hash algorithms, which are stubs too, and OpenSSL's digests.</summary>
    Digests,

    /// <summary>OpenSSL.</summary>
    OpenSsl,
}

/// <summary>
/// What a program asks of OpenSSL. .NET reaches it by functions of a library of its own, System.Security.Cryptography.Native, all of which
/// are called <c>CryptoNative_...</c>. The compiler leaves those that a program may call undefined in the object file, or makes a cell for
/// each where it was told to have them looked for at run time.
/// </summary>
/// <param name="Linked">Functions that the object file leaves undefined: what is linked with it has to have them.</param>
/// <param name="LookedFor">Functions that are looked for at run time, and not found in a static image.</param>
public sealed record CryptographyUse(IReadOnlyList<string> Linked, IReadOnlyList<string> LookedFor)
{
    private const string FunctionPrefix = "CryptoNative_";

    /// <summary>Gives the path of the file of trusted authorities. .NET asks for it when it first verifies a certificate.</summary>
    private const string AuthoritiesFile = "CryptoNative_GetX509RootStoreFile";

    /// <summary>How the compiler's names of the cells begin; the module and the function follow.</summary>
    private const string CellPrefix = "__pinvoke_";

    // The purposes of functions, by the rest of their names after the prefix (entrypoints.c of System.Security.Cryptography.Native). Those
    // that fit nowhere help the others.
    private static readonly (string Kind, string[] Beginnings)[] Kinds =
    [
        ("hashes", ["EvpMd", "EvpSha", "EvpDigestCurrent", "EvpDigestFinalEx", "EvpDigestOneShot", "EvpDigestReset", "EvpDigestUpdate"]),
        ("hashes of any length", ["EvpDigestCurrentXOF", "EvpDigestFinalXOF", "EvpDigestSqueeze", "EvpDigestXOF"]),
        ("HMAC", ["Hmac"]),
        ("KMAC", ["EvpMac"]),
        ("key derivation", ["Pbkdf2", "Hkdf", "KbkdfHmac", "EvpKdf"]),
        ("ciphers", ["EvpAes", "EvpDes", "EvpRC2", "EvpChaCha20", "EvpCipher"]),
        ("RSA", ["Rsa", "EvpPKeyCreateRsa"]),
        ("elliptic curves", ["EcDsa", "EcKey", "EvpPKeyGetEc", "EvpPKeyDeriveSecretAgreement"]),
        ("DSA", ["Dsa"]),
        ("post-quantum algorithms", ["MLDsa", "SlhDsa", "EvpKem"]),
        ("certificates", ["X509", "DecodeX509", "EncodeX509", "GetX509", "PemReadX509", "Pkcs7"]),
        ("TLS", ["Ssl"]),
    ];

    // Below RandomNumberGenerator, the two that describe a failed call included.
    private static readonly HashSet<string> RandomNumbers =
    [
        CryptographyStubs.GetRandomBytes,
        CryptographyStubs.EnsureInitialized,
        CryptographyStubs.GetMaximumDigestSize,
        CryptographyStubs.GetError,
        CryptographyStubs.DescribeError,
    ];

    private static readonly HashSet<string> Digests = [.. RandomNumbers, .. DigestStubs.Functions];

    /// <summary>What has to be linked.</summary>
    public CryptographyNeed Need =>
        Linked.Count == 0 ? CryptographyNeed.None
        : Linked.All(RandomNumbers.Contains) ? CryptographyNeed.RandomNumbers
        : Linked.All(Digests.Contains) ? CryptographyNeed.Digests
        : CryptographyNeed.OpenSsl;

    /// <summary>Whether the program may verify a certificate by the authorities that its system trusts.</summary>
    public bool LooksForAuthorities => Linked.Contains(AuthoritiesFile);

    /// <summary>What of OpenSSL the program may use, in words for people: "hashes, TLS". Empty for random numbers alone.</summary>
    public string Purposes => Describe(Linked.Concat(LookedFor));

    /// <summary>What of that is not found at run time, in the same words.</summary>
    public string Refused => Describe(LookedFor);

    /// <summary>Reads an object file.</summary>
    /// <param name="file">What the compiler wrote.</param>
    /// <returns>The functions, ordered by name.</returns>
    public static CryptographyUse Read(ObjectFile file)
    {
        List<string> linked = [], lookedFor = [];
        byte[] functionPrefix = Encoding.UTF8.GetBytes(FunctionPrefix);
        byte[] cellPrefix = Encoding.UTF8.GetBytes(CellPrefix);
        for (int i = 1; i < file.SymbolCount; i++)
        {
            ReadOnlySpan<byte> name = file.SymbolName(i);
            if (file.SymbolSection(i) == ElfFormat.SHN_UNDEF)
            {
                if (name.StartsWith(functionPrefix))
                {
                    linked.Add(Encoding.UTF8.GetString(name));
                }
            }
            else if (name.StartsWith(cellPrefix) && name.LastIndexOf(functionPrefix) is >= 0 and int at)
            {
                lookedFor.Add(Encoding.UTF8.GetString(name[at..]));
            }
        }

        linked.Sort(StringComparer.Ordinal);
        lookedFor.Sort(StringComparer.Ordinal);
        return new CryptographyUse(linked, lookedFor);
    }

    private static string Describe(IEnumerable<string> functions)
    {
        string[] names =
            [.. functions.Where(name => !RandomNumbers.Contains(name)).Select(name => name[FunctionPrefix.Length..])];
        string[] found =
        [
            .. Kinds.Where(kind => kind.Beginnings.Any(beginning =>
                names.Any(name => name.StartsWith(beginning, StringComparison.Ordinal)))).Select(kind => kind.Kind),
        ];
        return found.Length == 0 && names.Length > 0 ? "other cryptography" : string.Join(", ", found);
    }
}
