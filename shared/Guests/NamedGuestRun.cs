using Xenlet.QemuXen;
using Xenlet.Symbols;

namespace Xenlet.Guests;

/// <summary>
/// A run of a guest whose traces have names, of functions and, where the symbols know them, of source lines, and whose services have
/// addresses that this machine reaches.
/// </summary>
internal static class NamedGuestRun
{
    /// <summary>Lines of the nucleus's log shown when a guest could not end as a program does.</summary>
    private const int LogLines = 20;

    /// <summary>Boots, shows the console, and gives the exit status that <see cref="GuestRunner"/> gives.</summary>
    /// <param name="options">How.</param>
    /// <param name="symbols">The file with the image's symbols.</param>
    /// <param name="input">The console's input, when it is interactive.</param>
    /// <param name="output">Receives the console.</param>
    /// <param name="cancellationToken">Ends the guest.</param>
    public static async Task<int> RunAsync(
        GuestRunnerOptions options, string symbols, Stream input, Stream output, CancellationToken cancellationToken)
    {
        Describe describe = ImageSymbols.Lazily(symbols, Console.Error.WriteLine);
        await using ReachedAddressStream addresses = new(output, options.ForwardedNetwork);
        await using BacktraceStream console = new(addresses, describe);
        List<string> log = [];
        int status = await GuestRunner.RunAsync(
            options with { HypervisorLog = log.Add, Forwarded = ports => addresses.Ports = ports },
            input,
            console,
            Console.Error,
            cancellationToken);
        console.Finish();
        addresses.Finish();
        if (status is GuestRunner.Crashed or GuestRunner.NoStatus)
        {
            await using Stream error = Console.OpenStandardError();
            await using BacktraceStream named = new(error, describe);
            await using StreamWriter writer = new(named) { NewLine = "\n" };
            foreach (string line in log.TakeLast(LogLines))
            {
                await writer.WriteLineAsync(line);
            }
        }

        return status;
    }
}
