using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Xenlet.BenchPrograms;

namespace Xenlet.WebBench;

/// <summary>What /json answers.</summary>
internal sealed record Message(string Text);

/// <summary>JSON without reflection, which native AOT cannot have.</summary>
[JsonSerializable(typeof(Message))]
internal sealed partial class Json : JsonSerializerContext;

/// <summary>The measured end: plain text and JSON from ASP.NET Core, over HTTP and HTTPS.</summary>
internal static class Service
{
    /// <summary>Whom the certificate names.</summary>
    public const string CertificateSubject = "CN=WebBench";

    private const string Text = "Hello, World!";

    /// <summary>
    /// Of the first handshake, so that it takes no time of the start. The context has the certificate's chain, as Kestrel makes it once for
    /// a certificate of its settings: a certificate alone would have its chain looked for in each handshake, among all the authorities that
    /// an image has, and this Linux guest has none.
    /// </summary>
    private static readonly Lazy<SslServerAuthenticationOptions> Tls = new(() => new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(MakeCertificate(), additionalCertificates: null),
    });

    /// <summary>
    /// Serves until the console ends. The line "measure NAME" measures what the client does from now on, and the client says for how many.
    /// </summary>
    public static async Task RunAsync()
    {
        long start = Stopwatch.GetTimestamp();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, Json.Default));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenAnyIP(HttpPorts.Plain);
            kestrel.ListenAnyIP(HttpPorts.Tls, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = static _ => ValueTask.FromResult(Tls.Value),
            }));
        });
        WebApplication app = builder.Build();
        app.MapGet("/plain", () => Text);
        app.MapGet("/json", () => new Message(Text));
        await app.StartAsync();
        Measure.Report("main", "listens", Stopwatch.GetElapsedTime(start).TotalMilliseconds);

        Control control = new();
        Listener.Start(Control.Port, control.ServeAsync);
        Console.WriteLine("WebBench listens");
        await Commands.RunAsync(words => words is ["measure", var name] ? control.MeasureAsync(name) : null);
    }

    private static X509Certificate2 MakeCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(CertificateSubject, key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }
}
