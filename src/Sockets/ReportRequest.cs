namespace Xenlet.Sockets;

/// <summary>A report that another thread wants of the stack's, which alone may look at the stack.</summary>
internal sealed class ReportRequest
{
    /// <summary>Less than the report's own limit, so that what is known instead is written.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly TaskCompletionSource<string> _answer = new();

    /// <summary>Waits for the text; <see langword="null"/> if the stack's thread does not answer.</summary>
    public string? Wait() => _answer.Task.Wait(s_patience) ? _answer.Task.Result : null;

    /// <summary>Answers. Nobody may wait any more.</summary>
    public void Answer(string text) => _answer.TrySetResult(text);
}
