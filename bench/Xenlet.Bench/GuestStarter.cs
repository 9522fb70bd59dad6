using System.Diagnostics;
using System.Text;
using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Starts guests step by step and takes the time of each step, all by the clock of this host.</summary>
internal sealed class GuestStarter(XenMachine machine, SerialMarks marks, string directory)
{
    /// <summary>What libxl says (with -vvv) right before it asks Xen to let the domain run.</summary>
    private const string UnpauseRequest = "create: how=";

    /// <summary>Waits until the work is done that the tools still do for an earlier guest, or for one that was just created.</summary>
    private const string Quiet = "while pidof xl >/dev/null; do usleep 50000; done; usleep 300000";

    private static readonly TimeSpan CreateLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan FirstLineLimit = TimeSpan.FromSeconds(180);

    private int _last;

    /// <summary>Starts a guest and waits for its first line.</summary>
    /// <param name="config">The guest; it gets a name of its own.</param>
    /// <param name="firstLine">The first line of its user space; a kernel may write others before.</param>
    /// <param name="times">Receives the times.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The guest, which belongs to the caller.</returns>
    /// <exception cref="BenchException">dom0's console does not tell the times.</exception>
    /// <exception cref="QemuXenException">It cannot be created, or does not write the line.</exception>
    public async Task<XenGuest> StartAsync(GuestConfig config, string firstLine, StartTimes times, CancellationToken cancellationToken)
    {
        string name = await CreateAsync(config, cancellationToken);
        XenGuest guest = await machine.FollowGuestAsync(name, cancellationToken);
        try
        {
            Task<long> line = TimeOfLineAsync(guest.Console, firstLine, cancellationToken);
            string unpause = $"{Quiet}\necho bench-unpauses >/dev/console\nxl -vvv unpause {name} 2>/dev/console";
            (await machine.RunInDom0Async(unpause, CreateLimit, cancellationToken)).ThrowIfFailed($"xl unpause {name}");
            await guest.WaitForTextAsync(firstLine, FirstLineLimit, 0, cancellationToken);
            long came = await line;
            long creates = await marks.TimeOfAsync("bench-creates", cancellationToken);
            long created = await marks.TimeOfAsync("bench-has-created", cancellationToken);
            long unpauses = await marks.TimeOfAsync("bench-unpauses", cancellationToken);
            long asked = await marks.TimeOfAsync(UnpauseRequest, cancellationToken);
            times.Create.Add(Milliseconds(creates, created));
            times.XlUnpause.Add(Milliseconds(unpauses, asked));
            times.FirstLine.Add(Milliseconds(asked, came));
            times.Whole.Add(Milliseconds(unpauses, came));
            return guest;
        }
        catch
        {
            await guest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a guest that ends by itself, and waits for its end.</summary>
    /// <param name="config">The guest; it gets a name of its own.</param>
    /// <param name="time">Receives the time from the start of <c>xl unpause</c> to the domain's end, in milliseconds.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="BenchException">dom0's console does not tell the times.</exception>
    /// <exception cref="QemuXenException">It cannot be created, or does not end.</exception>
    public async Task RunToEndAsync(GuestConfig config, Series time, CancellationToken cancellationToken)
    {
        string name = await CreateAsync(config, cancellationToken);

        // xenstored announces the end to this watch, whose first event is that of its registration.
        string run = $$"""
            {{Quiet}}
            { xenstore-watch -n 2 @releaseDomain >/dev/null; echo bench-has-ended >/dev/console; } &
            usleep 300000
            echo bench-unpauses >/dev/console
            xl unpause {{name}}
            wait
            xl destroy {{name}}
            """;
        (await machine.RunInDom0Async(run, CreateLimit, cancellationToken)).ThrowIfFailed($"xl unpause {name}");
        time.Add(Milliseconds(
            await marks.TimeOfAsync("bench-unpauses", cancellationToken), await marks.TimeOfAsync("bench-has-ended", cancellationToken)));
    }

    /// <summary>Creates a guest, which is paused. The marks are those of its creation.</summary>
    /// <returns>Its name.</returns>
    private async Task<string> CreateAsync(GuestConfig config, CancellationToken cancellationToken)
    {
        string name = $"{config.Name}-{++_last}";
        string file = Path.Combine(directory, name + ".cfg");
        await File.WriteAllTextAsync(
            file,
            (config with
            {
                Name = name,
                Kernel = machine.Share(config.Kernel),
                Ramdisk = config.Ramdisk is null ? null : machine.Share(config.Ramdisk),
            }).ToXlConfig(),
            cancellationToken);
        marks.Clear();
        string create =
            $"{Quiet}\necho bench-creates >/dev/console\nxl create -p -e -q {machine.Share(file)} || exit\necho bench-has-created "
            + $">/dev/console";
        (await machine.RunInDom0Async(create, CreateLimit, cancellationToken)).ThrowIfFailed($"xl create -p {name}");
        return name;
    }

    /// <summary>
    /// When a line of a guest's console came to this host, as <see cref="Stopwatch.GetTimestamp"/> counts; 0 if it never did.
    /// </summary>
    private static async Task<long> TimeOfLineAsync(GuestConsole console, string line, CancellationToken cancellationToken)
    {
        string text = "";
        await foreach (ReadOnlyMemory<byte> piece in console.ReadAllAsync(cancellationToken))
        {
            long now = Stopwatch.GetTimestamp();
            text += Encoding.UTF8.GetString(piece.Span);
            if (text.Contains(line, StringComparison.Ordinal))
            {
                return now;
            }
        }

        return 0;
    }

    private static double Milliseconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
}
