namespace Xenlet.GuestImage.SocketTable;

/// <summary>The table: what .NET's sockets do, step by step.</summary>
internal static class SocketRows
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static IReadOnlyList<SocketRow> All { get; } =
    [
        .. StreamRows.All, .. NetworkStreamRows.All, .. PollRows.All, .. UrgentRows.All, .. ConnectRows.All, .. BindRows.All,
        .. ListenRows.All, .. DatagramRows.All, .. ErrorRows.All, .. DestinationRows.All, .. GroupRows.All, .. OptionRows.All,
        .. StructureRows.All, .. EndRows.All, .. EventRows.All,
    ];

    /// <summary>Runs a row, on a thread of its own since its steps may block, and gives its line.</summary>
    public static async Task<string> RunAsync(SocketRow row)
    {
        SocketTrace trace = new();
        Task<bool> running = SocketTrace.Begin(() =>
        {
            row.Run(trace).GetAwaiter().GetResult();
            return true;
        });
        try
        {
            await running.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            trace.Say("DID NOT END");
        }
        catch (Exception error)
        {
            trace.Say($"ENDED BY {trace.Show(error)} {error.Message} {error.StackTrace?.ReplaceLineEndings(" | ")}");
        }

        await trace.DisposeAsync();
        return $"{row.Name}: {trace.Text}";
    }
}
