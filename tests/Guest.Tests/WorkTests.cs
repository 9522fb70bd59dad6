using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>Work for libraries of other authors: its output in a guest is byte for byte that on Linux.</summary>
public abstract class WorkTests(World world)
{
    private static readonly string[] Parts = ["text", "regex", "json", "linq", "numbers", "compression", "dates", "xml", "javascript",
        "collections", "files", "zones", "cultures", "cryptography", "tls"];

    private const string Refused = "SecureConnectionError AuthenticationException The remote certificate is invalid";

    /// <summary>What the standards say comes out: of the message "abc" (RFC 1321, FIPS 180-4, FIPS 202), and what the parts name.</summary>
    private static readonly string[] Known =
    [
        "MD5 900150983cd24fb0d6963f7d28e17f72",
        "SHA-1 a9993e364706816aba3e25717850c26c9cd0d89d",
        "SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "SHA-384 cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "SHA-512 ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "SHA3-256 3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
        "HMAC-MD5 750c783e6ab0b503eaa86e310a5db738",
        "HMAC-SHA-1 effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        "HMAC-SHA-256 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "PBKDF2 ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
        "AES-CBC 7649abac8119b246cee98e9b12e9197d",
        "AES-GCM 0388dace60b6a392f328c2b971b2fe78",
        "AES-GCM tag ab6e47d42cec13bdf53a67b21257bddf",
        "AES-GCM with a wrong tag refused",
        "RSA verifies True",
        "RSA verifies another False",
        "ECDSA verifies RFC 6979 True",
        "ECDSA verifies another False",
        "chain True  2",
        "TLS Tls13 TLS_AES_256_GCM_SHA384 with CN=guest.example, O=Xenlet",
        "a configuration file of OpenSSL: False",
        "more than a hundred of them: True",
        "a server: served",
        "an address: served",
        $"a wrong name: {Refused} according to the validation procedure: RemoteCertificateNameMismatch",
        $"an expired certificate: {Refused} because of errors in the certificate chain: NotTimeValid",
        $"an unknown issuer: {Refused} because of errors in the certificate chain: PartialChain",
        $"an authority that the system does not know: {Refused} because of errors in the certificate chain: PartialChain",
        "a revocation list that nobody serves: False RevocationStatusUnknown OfflineRevocation",
        "a revocation list that never comes: False RevocationStatusUnknown OfflineRevocation",
        "an issuer that nobody serves: False PartialChain",
        "an issuer that never comes: False PartialChain",
        "somebody was asked: True",
        "PKCS #12 with RC2: error:0308010C:digital envelope routines::unsupported /  ",
        "one more: The X509 certificate could not be added to the store.",
    ];

    private static readonly Lazy<Task<string>> OnLinux = new(RunOnLinuxAsync);

    [Fact]
    public async Task Libraries_give_the_same_output_as_on_Linux()
    {
        string expected = await OnLinux.Value;
        Assert.All(Parts, part => Assert.Contains($"begin {part}\n", expected, StringComparison.Ordinal));
        Assert.EndsWith("end tls\n", expected, StringComparison.Ordinal);
        Assert.Subset(new HashSet<string>(expected.Split('\n')), new HashSet<string>(Known));
        EndedGuest guest = await world.RunAsync(new GuestConfig { Name = world.NewName(), Kernel = await Images.Work, MemoryMiB = 128 });
        guest.AssertExited(0);
        Assert.Equal(expected + "xenlet: exit 0\n", guest.Console);
    }

    /// <summary>With the cultures of this machine's ICU, which the image has a part of, and with the image's time zone.</summary>
    private static async Task<string> RunOnLinuxAsync()
    {
        string image = await Images.Work;
        string[] command = Images.OnLinux(image, isInvariant: false);
        return await PublishedImages.RunAsync(
            command[0], command[1..], new Dictionary<string, string>
            {
                ["TZ"] = "Europe/Berlin",
                ["LC_ALL"] = "C",
                ["NO_PROXY"] = "127.0.0.1",

                // As in a guest: no configuration and no legacy provider of OpenSSL, one file of authorities, and nothing can be written
                // where the user's own certificates would be.
                ["OPENSSL_CONF"] = "/none/openssl.cnf",
                ["OPENSSL_MODULES"] = "/none",
                ["SSL_CERT_DIR"] = "/none",
                ["SSL_CERT_FILE"] = Environment.GetEnvironmentVariable("SSL_CERT_FILE") ?? "/etc/ssl/certs/ca-certificates.crt",
                ["HOME"] = "/proc",
            });
    }
}

[Collection(WithoutXen.Name)]
public sealed class WorkTestsWithoutXen(DirectWorld world) : WorkTests(world);

[Collection(UnderXen.Name)]
public sealed class WorkTestsUnderXen(XenWorld world) : WorkTests(world);
