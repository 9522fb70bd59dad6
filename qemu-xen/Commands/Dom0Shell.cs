using Xenlet.QemuXen.Base;

namespace Xenlet.QemuXen.Commands;

/// <summary>An interactive shell in dom0 on its second serial port, a terminal separate from the noisy boot console.</summary>
internal static class Dom0Shell
{
    private const byte EscapeKey = 0x1D;
    private const string Start = """
        stty -F /dev/ttyS1 sane 115200
        TERM=vt100 PS1='dom0# ' setsid -c sh -i </dev/ttyS1 >/dev/ttyS1 2>&1
        """;

    /// <summary>Connects the terminal until the shell ends or the escape key is pressed.</summary>
    public static async Task<int> RunAsync(XenMachine machine, Stream input, Stream output, CancellationToken cancellationToken)
    {
        using TerminalRawMode? raw = TerminalRawMode.Enter();
        await using Stream terminal = await machine.OpenSecondSerialPortAsync(cancellationToken);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<CommandResult> shell = machine.RunInDom0Async(Start, TimeSpan.FromDays(1), stop.Token);
        TaskCompletionSource prompted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task showing = ShowAsync(terminal, output, prompted, stop.Token);
        Task typing = TypeAsync(terminal, input, prompted.Task, stop.Token);
        Task first = await Task.WhenAny(shell, typing);
        int status = first == shell ? (await shell).ExitCode : 0;
        await stop.CancelAsync();
        try
        {
            await Task.WhenAll(shell, showing);
        }
        catch (OperationCanceledException)
        {
            // The user left with the escape key.
        }

        return status;
    }

    private static async Task ShowAsync(Stream terminal, Stream output, TaskCompletionSource prompted, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await terminal.ReadAsync(buffer, cancellationToken)) > 0)
        {
            prompted.TrySetResult();
            await output.WriteAsync(buffer.AsMemory(0, count), CancellationToken.None);
            await output.FlushAsync(CancellationToken.None);
        }
    }

    /// <summary>
    /// Forwards input once the shell has written something: until then the terminal's settings change, and input would be dropped.
    /// </summary>
    private static async Task TypeAsync(Stream terminal, Stream input, Task prompted, CancellationToken cancellationToken)
    {
        await prompted.WaitAsync(cancellationToken);
        byte[] buffer = new byte[1024];
        while (true)
        {
            int count = await Task.Run(() => input.Read(buffer), cancellationToken).WaitAsync(cancellationToken);
            int escape = buffer.AsSpan(0, count).IndexOf(EscapeKey);
            await terminal.WriteAsync(buffer.AsMemory(0, escape < 0 ? count : escape), cancellationToken);
            if (escape >= 0)
            {
                return;
            }

            if (count == 0)
            {
                // No more input. The shell ends by itself once it has read everything.
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }
        }
    }
}
