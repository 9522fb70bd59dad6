using Xenlet.XenStoreRing;

namespace XenStoreTool;

/// <summary>
/// Carries out the command of the command line or, when that is empty, the commands of standard input line by line until its end.
/// Exit status: 0 done, 1 failed, 2 not understood, 130 ended by Ctrl-C; of several commands the last one's.
/// </summary>
internal sealed class Tool(TextReader input, TextWriter output, TextWriter errors)
{
    private const int Failed = 1;
    private const int NotUnderstood = 2;
    private const int Interrupted = 130;

    private CancellationTokenSource? _running;

    public async Task<int> RunAsync(string[] words)
    {
        Console.CancelKeyPress += Interrupt;
        try
        {
            return words.Length > 0 ? await RunCommandAsync(words) : await RunLinesAsync();
        }
        finally
        {
            Console.CancelKeyPress -= Interrupt;
        }
    }

    private async Task<int> RunLinesAsync()
    {
        int status = 0;
        if (Store.IsTyped)
        {
            output.WriteLine("'help' tells the commands, Ctrl-D ends.");
        }

        while (true)
        {
            if (Store.IsTyped)
            {
                output.Write("xenstore> ");
                output.Flush();
            }

            if (input.ReadLine() is not { } line)
            {
                return status;
            }

            try
            {
                string[] words = CommandLine.Split(line);
                status = words.Length == 0 ? status : await RunCommandAsync(words);
            }
            catch (UsageException misunderstood)
            {
                status = Report(misunderstood);
            }
        }
    }

    private async Task<int> RunCommandAsync(string[] words)
    {
        using CancellationTokenSource stop = new();
        Volatile.Write(ref _running, stop);
        try
        {
            Command command = Command.Parse(words);
            if (command is HelpCommand)
            {
                output.Write(Command.Usage);
                return 0;
            }

            // Only now, so that a mistyped command is named whether or not there is a xenstore; and for this command alone: a guest answers
            // `xl shutdown` while its program has no connection.
            await using Store store = await Store.ConnectAsync(stop.Token);
            return await command.RunAsync(store.Client, output, errors, stop.Token) ? 0 : Failed;
        }
        catch (UsageException misunderstood)
        {
            return Report(misunderstood);
        }
        catch (XenStoreException failure)
        {
            errors.WriteLine($"xenstore: {failure.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Interrupted;
        }
        finally
        {
            Volatile.Write(ref _running, null);
        }
    }

    private int Report(UsageException misunderstood)
    {
        errors.WriteLine($"xenstore: {misunderstood.Message}");
        return NotUnderstood;
    }

    /// <summary>Ends the command that runs. While none does, Ctrl-C ends the program as it usually does.</summary>
    private void Interrupt(object? sender, ConsoleCancelEventArgs interrupt)
    {
        if (Volatile.Read(ref _running) is { } running)
        {
            interrupt.Cancel = true;
            try
            {
                running.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The command has just ended by itself.
            }
        }
    }
}
