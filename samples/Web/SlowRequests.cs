namespace Xenlet.Samples.Web;

/// <summary>Requests that are answered late, also while the service is about to end: up to HostOptions.ShutdownTimeout.</summary>
internal static partial class SlowRequests
{
    public static void MapSlowRequests(this WebApplication app) => app.MapGet(
        "/slow/{seconds:int:range(0,600)}",
        (int seconds, HttpContext context) => AnswerAsync(seconds, context.Response, app.Logger, context.RequestAborted));

    private static async Task AnswerAsync(int seconds, HttpResponse response, ILogger log, CancellationToken cancellationToken)
    {
        LogBegin(log, seconds);
        try
        {
            await response.WriteAsync($"this takes {seconds} s\n", cancellationToken);
            await response.Body.FlushAsync(cancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(seconds), cancellationToken);
            await response.WriteAsync("and is answered\n", cancellationToken);
        }
        catch (OperationCanceledException)
        {
            LogCut(log, seconds);
            throw;
        }

        LogEnd(log, seconds);
    }

    [LoggerMessage(LogLevel.Information, "a request waits {Seconds} s")]
    private static partial void LogBegin(ILogger log, int seconds);

    [LoggerMessage(LogLevel.Information, "a request of {Seconds} s is answered")]
    private static partial void LogEnd(ILogger log, int seconds);

    [LoggerMessage(LogLevel.Warning, "a request of {Seconds} s is cut")]
    private static partial void LogCut(ILogger log, int seconds);
}
