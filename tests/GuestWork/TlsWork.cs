using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Xenlet.GuestWork;

/// <summary>
/// Clients of TLS, and what they verify certificates by: the system's authorities, revocation lists and issuers that are elsewhere. Each
/// line says what came of it. tests/Certificates has the files.
/// </summary>
internal static class TlsWork
{
    /// <summary>Where the certificate remote.pem says that its issuer and its revocation list are.</summary>
    private const int RemotePort = 20443;

    /// <summary>Does all of it.</summary>
    public static void Run()
    {
        RunAsync().GetAwaiter().GetResult();
        LegacyPkcs12();
        OwnStore();
    }

    private static void Print(string what, object? fact) => Console.WriteLine($"{what}: {fact}");

    private static string File(string name) => Path.Combine(AppContext.BaseDirectory, name);

    private static async Task RunAsync()
    {
        Print("a configuration file of OpenSSL", System.IO.File.Exists(Environment.GetEnvironmentVariable("OPENSSL_CONF")));
        Authorities();
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(File("authority.pem"));
        using X509Certificate2 good = X509Certificate2.CreateFromPemFile(File("server.pem"), File("server.key"));
        using X509Certificate2 expired = X509Certificate2.CreateFromPemFile(File("expired.pem"), File("expired.key"));
        using X509Certificate2 stranger = X509Certificate2.CreateFromPemFile(File("stranger.pem"), File("stranger.key"));
        await FetchAsync("a server", good, "localhost", authority);
        await FetchAsync("an address", good, "127.0.0.1", authority);
        await FetchAsync("a wrong name", good, "wrong.localhost", authority);
        await FetchAsync("an expired certificate", expired, "localhost", authority);
        await FetchAsync("an unknown issuer", stranger, "localhost", authority);
        await FetchAsync("an authority that the system does not know", good, "localhost", null);
        await SessionAsync(good, authority);
        await RemoteAsync(authority);
    }

    /// <summary>Those of the system: in a guest, the ones that the build machine had.</summary>
    private static void Authorities()
    {
        using X509Store store = new(StoreName.Root, StoreLocation.LocalMachine);
        store.Open(OpenFlags.ReadOnly);
        string[] thumbprints = [.. store.Certificates.Select(each => each.Thumbprint).Order(StringComparer.Ordinal)];
        Print("authorities", Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(thumbprints)))));
        Print("more than a hundred of them", thumbprints.Length > 100);
    }

    /// <summary>HttpClient asks a server of this program by https.</summary>
    private static async Task FetchAsync(string what, X509Certificate2 certificate, string host, X509Certificate2? authority)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task served = ServeAsync(listener, certificate);
        using SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        if (authority is not null)
        {
            handler.SslOptions.CertificateChainPolicy = Trusting(authority);
        }

        using HttpClient client = new(handler);
        try
        {
            Print(what, await client.GetStringAsync($"https://{host}:{((IPEndPoint)listener.LocalEndpoint).Port}/"));
        }
        catch (HttpRequestException failure)
        {
            Print(what, $"{failure.HttpRequestError} {failure.InnerException?.GetType().Name} {failure.InnerException?.Message}");
        }

        await served;
    }

    private static async Task ServeAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync();
        await using SslStream stream = new(client.GetStream());
        try
        {
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate });
            _ = await stream.ReadAsync(new byte[4096]);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nserved"u8.ToArray());
        }
        catch (Exception failure) when (failure is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client has gone: it says why.
        }
    }

    /// <summary>A second connection takes the first one's session.</summary>
    private static async Task SessionAsync(X509Certificate2 certificate, X509Certificate2 authority)
    {
        SslServerAuthenticationOptions serving = new() { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null) };
        SslClientAuthenticationOptions asking = new() { TargetHost = "localhost", CertificateChainPolicy = Trusting(authority) };
        for (int i = 0; i < 2; i++)
        {
            (DuplexPipe one, DuplexPipe other) = DuplexPipe.Create();
            await using SslStream client = new(one), server = new(other);
            await Task.WhenAll(client.AuthenticateAsClientAsync(asking), server.AuthenticateAsServerAsync(serving));
            await server.WriteAsync(new byte[1]);
            await client.ReadExactlyAsync(new byte[1]);
            Print("a connection of SslStream", $"{client.SslProtocol} {client.NegotiatedCipherSuite}");
        }
    }

    /// <summary>Where the issuer and the revocation list should be nobody serves, and then somebody who never answers.</summary>
    private static async Task RemoteAsync(X509Certificate2 authority)
    {
        using X509Certificate2 remote = X509CertificateLoader.LoadCertificateFromFile(File("remote.pem"));
        Print("a revocation list that nobody serves", Build(remote, authority));
        Print("an issuer that nobody serves", Build(remote, null));
        using TcpListener silent = new(IPAddress.Loopback, RemotePort);
        silent.Start();
        Task<int> ends = CountEndsAsync(silent);
        Print("a revocation list that never comes", Build(remote, authority));
        Print("an issuer that never comes", Build(remote, null));
        silent.Stop();
        Print("somebody was asked", await ends > 0);
    }

    /// <summary>Takes connections and says nothing, until the listener stops.</summary>
    private static async Task<int> CountEndsAsync(TcpListener listener)
    {
        List<TcpClient> clients = [];
        try
        {
            while (true)
            {
                clients.Add(await listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            clients.ForEach(static each => each.Dispose());
            return clients.Count;
        }
    }

    private static string Build(X509Certificate2 certificate, X509Certificate2? authority)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = authority is null ? X509RevocationMode.NoCheck : X509RevocationMode.Online;
        chain.ChainPolicy.UrlRetrievalTimeout = TimeSpan.FromSeconds(1);
        if (authority is not null)
        {
            chain.ChainPolicy.CustomTrustStore.Add(authority);
        }

        bool valid = chain.Build(certificate);
        return $"{valid} {string.Join(" ", chain.ChainStatus.Select(status => status.Status).Order())}";
    }

    private static X509ChainPolicy Trusting(X509Certificate2 authority) => new()
    {
        RevocationMode = X509RevocationMode.NoCheck,
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { authority },
    };

    /// <summary>RC2 with 40 bits, which is OpenSSL's legacy provider's.</summary>
    private static void LegacyPkcs12()
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12FromFile(File("rc2.pfx"), "guest");
            Print("PKCS #12 with RC2", certificate.Subject);
        }
        catch (CryptographicException failure)
        {
            Print("PKCS #12 with RC2", $"{failure.Message} / {failure.InnerException?.GetType().Name} {failure.InnerException?.Message}");
        }
    }

    /// <summary>The user's store is in HOME, which cannot be written.</summary>
    private static void OwnStore()
    {
        using X509Store store = new(StoreName.My, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadWrite);
        Print("own certificates", store.Certificates.Count);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(File("authority.pem"));
        try
        {
            store.Add(certificate);
            Print("one more", store.Certificates.Count);
        }
        catch (CryptographicException failure)
        {
            Print("one more", failure.Message);
        }
    }
}
