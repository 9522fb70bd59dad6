using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Xenlet.Configuration;

namespace Xenlet.GuestWork;

/// <summary>
/// A program whose options are in xenstore. It says what they are, and each time that they change, until it is told to end; it counts the
/// changes by a meter.
/// </summary>
internal static class ConfiguredProgram
{
    public static int Run()
    {
        using ConfigurationRoot configuration = (ConfigurationRoot)new ConfigurationBuilder().AddXenStore("data/config").Build();
        using OptionsMonitor<Options> monitor = new(
            new OptionsFactory<Options>(
                [new ConfigureOptions<Options>(options => options.Greeting = configuration["Hello:Greeting"])], []),
            [new ConfigurationChangeTokenSource<Options>(configuration)], new OptionsCache<Options>());
        using Meter meter = new("work");
        Counter<int> changes = meter.CreateCounter<int>("changes", "{change}");
        using IDisposable? listener = monitor.OnChange(options =>
        {
            changes.Add(1, new KeyValuePair<string, object?>("to", options.Greeting));
            Console.WriteLine($"changed to {options.Greeting}");
        });
        Console.WriteLine($"greeting is {monitor.CurrentValue.Greeting}");
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    private sealed class Options
    {
        public string? Greeting { get; set; }
    }
}
