using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Serialization;
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

    /// <summary>Of the first handshake, so that it takes no time of the start.</summary>
    private static readonly Lazy<X509Certificate2> Certificate = new(MakeCertificate);

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
            kestrel.ListenAnyIP(HttpPorts.Tls, listen => listen.UseHttps(https =>
                https.ServerCertificateSelector = (_, _) => Certificate.Value));
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
