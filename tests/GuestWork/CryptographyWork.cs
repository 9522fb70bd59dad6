using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Xenlet.GuestWork;

/// <summary>Cryptography of the base library, which uses OpenSSL. No output depends on a random number.</summary>
internal static class CryptographyWork
{
    private static readonly byte[] Abc = "abc"u8.ToArray();

    /// <summary>Does all of it.</summary>
    public static void Run()
    {
        Hashes();
        MessageCodes();
        Ciphers();
        Rsa();
        EllipticCurves();
        Certificates();
        RandomNumbers();
    }

    private static void Print(string what, ReadOnlySpan<byte> bytes) => Console.WriteLine($"{what} {Convert.ToHexStringLower(bytes)}");

    private static void Print(string what, object fact) => Console.WriteLine($"{what} {fact}");

    private static void Hashes()
    {
        Print("MD5", MD5.HashData(Abc));
        Print("SHA-1", SHA1.HashData(Abc));
        Print("SHA-256", SHA256.HashData(Abc));
        Print("SHA-384", SHA384.HashData(Abc));
        Print("SHA-512", SHA512.HashData(Abc));
        Print("SHA3-256", SHA3_256.HashData(Abc));

        // In pieces, with a copy of the state on the way.
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < 1000; i++)
        {
            hash.AppendData(Abc);
        }

        Print("SHA-256 so far", hash.GetCurrentHash());
        hash.AppendData(new byte[100_000]);
        Print("SHA-256 in pieces", hash.GetHashAndReset());
    }

    private static void MessageCodes()
    {
        // Case 2 of RFC 2202 and RFC 4231.
        byte[] key = "Jefe"u8.ToArray(), data = "what do ya want for nothing?"u8.ToArray();
        Print("HMAC-MD5", HMACMD5.HashData(key, data));
        Print("HMAC-SHA-1", HMACSHA1.HashData(key, data));
        Print("HMAC-SHA-256", HMACSHA256.HashData(key, data));
        Print("HMAC-SHA-512", HMACSHA512.HashData(key, data));

        // RFC 6070, the second case.
        Print("PBKDF2", Rfc2898DeriveBytes.Pbkdf2("password"u8, "salt"u8, 2, HashAlgorithmName.SHA1, 20));
        Print("HKDF", HKDF.DeriveKey(HashAlgorithmName.SHA256, key, 42, salt: data));
    }

    private static void Ciphers()
    {
        // NIST SP 800-38A, F.2.1, the first block.
        using Aes aes = Aes.Create();
        aes.Key = Convert.FromHexString("2b7e151628aed2a6abf7158809cf4f3c");
        byte[] vector = Convert.FromHexString("000102030405060708090a0b0c0d0e0f");
        byte[] block = Convert.FromHexString("6bc1bee22e409f96e93d7e117393172a");
        byte[] encrypted = aes.EncryptCbc(block, vector, PaddingMode.None);
        Print("AES-CBC", encrypted);
        Print("AES-CBC back", aes.DecryptCbc(encrypted, vector, PaddingMode.None).AsSpan().SequenceEqual(block));

        // Case 2 of McGrew and Viega, "The Galois/Counter Mode of Operation".
        using AesGcm gcm = new(new byte[16], 16);
        byte[] nonce = new byte[12], plain = new byte[16], cipher = new byte[16], tag = new byte[16];
        gcm.Encrypt(nonce, plain, cipher, tag);
        Print("AES-GCM", cipher);
        Print("AES-GCM tag", tag);
        tag[0] ^= 1;
        try
        {
            gcm.Decrypt(nonce, cipher, tag, plain);
            Print("AES-GCM with a wrong tag", "taken");
        }
        catch (AuthenticationTagMismatchException)
        {
            Print("AES-GCM with a wrong tag", "refused");
        }

        using ChaCha20Poly1305 stream = new(new byte[32]);
        stream.Encrypt(nonce, plain, cipher, tag);
        Print("ChaCha20-Poly1305", tag);
    }

    private static void Rsa()
    {
        using RSA rsa = RSA.Create();
        rsa.ImportFromPem(CryptographyKeys.Rsa);
        byte[] signature = rsa.SignData(Abc, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        Print("RSA signature", SHA256.HashData(signature));
        Print("RSA verifies", rsa.VerifyData(Abc, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        signature[9] ^= 1;
        Print("RSA verifies another", rsa.VerifyData(Abc, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        byte[] salted = rsa.SignData(Abc, HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        Print("RSA-PSS verifies", rsa.VerifyData(Abc, salted, HashAlgorithmName.SHA256, RSASignaturePadding.Pss));
        byte[] encrypted = rsa.Encrypt(Abc, RSAEncryptionPadding.OaepSHA256);
        Print("RSA-OAEP", Encoding.ASCII.GetString(rsa.Decrypt(encrypted, RSAEncryptionPadding.OaepSHA256)));
    }

    private static void EllipticCurves()
    {
        // RFC 6979, A.2.5: P-256 with SHA-256, the message "sample".
        using ECDsa known = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint
            {
                X = Convert.FromHexString("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"),
                Y = Convert.FromHexString("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"),
            },
        });
        byte[] signature = Convert.FromHexString(
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
            + "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
        Print("ECDSA verifies RFC 6979", known.VerifyData("sample"u8, signature, HashAlgorithmName.SHA256));
        Print("ECDSA verifies another", known.VerifyData("simple"u8, signature, HashAlgorithmName.SHA256));

        using ECDsa drawn = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Print("ECDSA verifies its own", drawn.VerifyData(
            Abc, drawn.SignData(Abc, HashAlgorithmName.SHA384), HashAlgorithmName.SHA384));

        using ECDiffieHellman one = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using ECDiffieHellman other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        Print("ECDH agrees", one.DeriveRawSecretAgreement(other.PublicKey).AsSpan().SequenceEqual(
            other.DeriveRawSecretAgreement(one.PublicKey)));
    }

    private static void Certificates()
    {
        using RSA rsa = RSA.Create();
        rsa.ImportFromPem(CryptographyKeys.Rsa);
        DateTimeOffset begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

        // A signature of PKCS #1 v1.5 has nothing random: the same bytes wherever they are made.
        CertificateRequest authority = new("CN=Authority", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 root = authority.CreateSelfSigned(begin, begin.AddYears(100));
        Print("authority", $"{root.Subject} {root.SignatureAlgorithm.FriendlyName} {root.NotAfter.ToUniversalTime():yyyy-MM-dd}");

        CertificateRequest request = new("CN=guest.example, O=Xenlet", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("guest.example");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 leaf = request.Create(root, begin, begin.AddYears(100), [1, 2, 3, 4]);
        Print("certificate", SHA256.HashData(leaf.RawData));
        using X509Certificate2 read = X509Certificate2.CreateFromPem(leaf.ExportCertificatePem());
        Print("thumbprint", read.Thumbprint);
        Print("subject", $"{read.Subject}, serial {read.SerialNumber}, issued by {read.Issuer}");
        Print("names", string.Join(" ", read.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames()));
        Print("matches", $"{read.MatchesHostname("guest.example")} {read.MatchesHostname("other.example")}");

        using X509Certificate2 withKey = leaf.CopyWithPrivateKey(rsa);
        using X509Certificate2 again = X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pfx, "secret"), "secret");
        Print("PKCS #12", $"{again.HasPrivateKey} {again.Thumbprint == read.Thumbprint}");

        Print("chain", Build(read, root));
        Print("chain without its root", Build(read, null));
        TlsAsync(again, root).GetAwaiter().GetResult();
    }

    private static string Build(X509Certificate2 certificate, X509Certificate2? root)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        if (root is not null)
        {
            chain.ChainPolicy.CustomTrustStore.Add(root);
        }

        bool valid = chain.Build(certificate);
        return $"{valid} {string.Join(" ", chain.ChainStatus.Select(status => status.Status))} {chain.ChainElements.Count}";
    }

    /// <summary>Both ends of a TLS connection. The client trusts the authority alone, and the server has a certificate of it.</summary>
    private static async Task TlsAsync(X509Certificate2 certificate, X509Certificate2 authority)
    {
        (DuplexPipe one, DuplexPipe other) = DuplexPipe.Create();
        await using SslStream client = new(one), server = new(other);
        Task accepted = server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
        await client.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "guest.example",
            EnabledSslProtocols = SslProtocols.Tls13,
            CertificateChainPolicy = new X509ChainPolicy
            {
                RevocationMode = X509RevocationMode.NoCheck,
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { authority },
            },
        });
        await accepted;
        Print("TLS", $"{client.SslProtocol} {client.NegotiatedCipherSuite} with {client.RemoteCertificate!.Subject}");
        Task written = server.WriteAsync(new byte[40_000]).AsTask();
        byte[] data = new byte[40_000];
        await client.ReadExactlyAsync(data);
        await written;
        Print("TLS: data", SHA256.HashData(data));
    }

    private static void RandomNumbers()
    {
        // From two calls; equal by chance once in 2 to the 256th.
        Print("random numbers differ", !RandomNumberGenerator.GetBytes(32).AsSpan().SequenceEqual(RandomNumberGenerator.GetBytes(32)));
    }
}
