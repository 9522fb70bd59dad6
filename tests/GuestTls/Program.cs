using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Xenlet.GuestTls;

/// <summary>
/// Kestrel as appsettings.json has it, with certificates of files. It says of each request by which connection it came, fetches what it is
/// told to, and draws random numbers. With the argument "trace" it is <see cref="TraceProgram"/> instead.
/// </summary>
internal static class Program
{
    /// <summary>
    /// Of one request. Two guests that go on from one state, and draw a few numbers before, still have most of as many in common.
    /// </summary>
    private const int Numbers = 64;

    private const int Keys = 8;

    private static int Main(string[] args)
    {
        if (args is ["trace"])
        {
            return TraceProgram.Run();
        }

        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
        builder.Logging.ClearProviders();
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(
            Path.Combine(AppContext.BaseDirectory, "authority.pem"));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(server =>
        {
            // A busy host may keep a client from its next message, and a save may take longer than that.
            server.Limits.KeepAliveTimeout = TimeSpan.FromHours(1);
            server.ConfigureHttpsDefaults(https =>
            {
                https.HandshakeTimeout = TimeSpan.FromMinutes(5);
                https.ClientCertificateValidation = (certificate, _, _) => IsIssuedBy(authority, certificate);
            });
        });
        using HttpClient client = new() { Timeout = TimeSpan.FromMinutes(2) };
        WebApplication service = builder.Build();
        service.Run(context => AnswerAsync(context, client));
        service.Lifetime.ApplicationStarted.Register(static () => Console.WriteLine("tls: ready"));
        service.Run();
        return 0;
    }

    private static async Task AnswerAsync(HttpContext context, HttpClient client)
    {
        string answer = context.Request.Path.Value switch
        {
            "/random" => Draw(),
            "/fetch" => await FetchAsync(client, context.Request.QueryString.Value![1..]),
            _ => await DescribeAsync(context),
        };
        await context.Response.WriteAsync(answer + "\n");
    }

    private static async Task<string> DescribeAsync(HttpContext context)
    {
        ITlsHandshakeFeature? tls = context.Features.Get<ITlsHandshakeFeature>();
        X509Certificate2? certificate = await context.Connection.GetClientCertificateAsync();
        return $"{context.Request.Protocol} {tls?.Protocol} {tls?.NegotiatedCipherSuite} name={tls?.HostName} "
            + $"client={certificate?.Subject}";
    }

    /// <summary>Asks another server.</summary>
    private static async Task<string> FetchAsync(HttpClient client, string address)
    {
        try
        {
            return "fetched " + (await client.GetStringAsync(address)).Split('\n')[0];
        }
        catch (HttpRequestException failure)
        {
            return $"{failure.HttpRequestError}: {failure.Message} {failure.InnerException?.Message}";
        }
    }

    /// <summary>Numbers one after the other: of .NET's generator, and of OpenSSL when it makes keys.</summary>
    private static string Draw()
    {
        IEnumerable<string> numbers = Enumerable.Range(0, Numbers).Select(_ => RandomNumberGenerator.GetHexString(32, lowercase: true));
        return string.Join(' ', numbers.Concat(Enumerable.Range(0, Keys).Select(_ => MakeKey())));
    }

    private static string MakeKey()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Convert.ToHexStringLower(key.ExportSubjectPublicKeyInfo().AsSpan(^16..));
    }

    private static bool IsIssuedBy(X509Certificate2 authority, X509Certificate2 certificate)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }
}
