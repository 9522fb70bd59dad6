// Five libraries that know nothing of Xen, and claim to work compiled ahead of time. What they write is the same on Linux and in a guest.
using System.Globalization;
using System.Text.Json.Serialization;
using Markdig;
using nietras.SeparatedValues;
using Polly;
using Polly.Retry;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Tomlyn;
using Tomlyn.Serialization;

await Section("Markdig", ReadMarkdown);
await Section("Polly.Core", RetryAndTimeOut);
await Section("Sep", SumColumns);
await Section("Serilog", LogWithProperties);
await Section("Tomlyn", ReadConfiguration);

static async Task Section(string name, Func<Task<string>> run) => Console.WriteLine($"{name}: {await run()}");

static Task<string> ReadMarkdown()
{
    MarkdownPipeline pipeline = new MarkdownPipelineBuilder().UseAdvancedExtensions().Build();
    string text = "# A *guest*\n\n| disk | state |\n| --- | ---: |\n| xvda | `Connected` |\n\n- [x] reads\n- [ ] writes[^1]\n\n[^1]: Ü.\n";
    return Task.FromResult(Markdown.ToHtml(text, pipeline).Replace("\n", "|", StringComparison.Ordinal));
}

static async Task<string> RetryAndTimeOut()
{
    int attempts = 0;
    ResiliencePipeline<string> pipeline = new ResiliencePipelineBuilder<string>()
        .AddRetry(new RetryStrategyOptions<string>
        {
            ShouldHandle = new PredicateBuilder<string>().Handle<IOException>(),
            MaxRetryAttempts = 4,
            Delay = TimeSpan.FromMilliseconds(5),
        })
        .Build();
    string answer = await pipeline.ExecuteAsync(
        async token =>
        {
            await Task.Delay(1, token);
            return ++attempts < 4 ? throw new IOException("not yet") : "answered";
        });

    // A second pipeline, which gives up: its exception is Polly's own.
    ResiliencePipeline impatient = new ResiliencePipelineBuilder().AddTimeout(TimeSpan.FromMilliseconds(20)).Build();
    try
    {
        await impatient.ExecuteAsync(async token => await Task.Delay(Timeout.Infinite, token));
        return "the time-out is missing";
    }
    catch (Polly.Timeout.TimeoutRejectedException e)
    {
        return $"{answer} at attempt {attempts}, then {e.GetType().Name}";
    }
}

static Task<string> SumColumns()
{
    string table = "name;count;price\n" + string.Concat(Enumerable.Range(1, 500).Select(
        i => string.Create(CultureInfo.InvariantCulture, $"\"row; {i}\";{i};{i / 8.0}\n")));
    using SepReader reader = Sep.Reader(options => options with { Unescape = true }).FromText(table);
    long count = 0;
    double price = 0;
    int letters = 0;
    foreach (SepReader.Row row in reader)
    {
        count += row["count"].Parse<long>();
        price += row["price"].Parse<double>();
        letters += row["name"].Span.Length;
    }

    return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{count} {price} {letters}"));
}

static Task<string> LogWithProperties()
{
    Lines lines = new();
    LoggerConfiguration configuration = new LoggerConfiguration().MinimumLevel.Information().Enrich.WithProperty("Domain", 7);
    using (Logger log = configuration.WriteTo.Sink(lines).CreateLogger())
    {
        log.ForContext("Device", "vbd/51712").Warning("{Sectors:N0} sectors of {@Sizes} at {Share:P1}", 32768, new[] { 512, 4096 }, 0.125);
        log.Debug("nobody reads {This}", "line");
        log.Error(new IOException("gone"), "the other end is {State}", DayOfWeek.Friday);
    }

    return Task.FromResult(string.Join('|', lines.Written));
}

static Task<string> ReadConfiguration()
{
    string text = """
        name = "blk"
        since = 2026-11-29T06:00:00Z
        [limits]
        sectors = 0x100
        share = 0.125
        [[rings]]
        order = 1
        [[rings]]
        order = 4
        """;
    Settings settings = TomlSerializer.Deserialize(text, SettingsContext.Default.Settings)!;
    settings.Rings.Add(new Ring { Order = 2 });
    return Task.FromResult(TomlSerializer.Serialize(settings, SettingsContext.Default.Settings).ReplaceLineEndings("|"));
}

internal sealed class Lines : ILogEventSink
{
    public List<string> Written { get; } = [];

    public void Emit(LogEvent logEvent)
    {
        IEnumerable<string> properties = logEvent.Properties.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}={pair.Value.ToString(null, CultureInfo.InvariantCulture)}");
        string message = logEvent.RenderMessage(CultureInfo.InvariantCulture);
        Written.Add($"{logEvent.Level} {message} {string.Join(' ', properties)} {logEvent.Exception?.Message}");
    }
}

internal sealed class Settings
{
    public string Name { get; set; } = "";

    public DateTimeOffset Since { get; set; }

    public Limits Limits { get; set; } = new();

    public List<Ring> Rings { get; set; } = [];
}

internal sealed class Limits
{
    public int Sectors { get; set; }

    public double Share { get; set; }
}

internal sealed class Ring
{
    public int Order { get; set; }
}

[TomlSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[TomlSerializable(typeof(Settings))]
internal sealed partial class SettingsContext : TomlSerializerContext;
