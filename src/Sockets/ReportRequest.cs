namespace Xenlet.Sockets;

/// <summary>A report that another thread wants of the stack's, which alone may look at the stack.</summary>
internal sealed class ReportRequest : IDisposable
{
    /// <summary>Less than the report's own limit, so that what is known instead is written.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    private readonly ManualResetEventSlim _hasAnswer = new();
    private volatile string? _text;

    /// <summary>Waits for the text; <see langword="null"/> if the stack's thread does not answer.</summary>
    public string? Wait() => _hasAnswer.Wait(s_patience) ? _text : null;

    /// <summary>Answers.</summary>
    public void Answer(string text)
    {
        _text = text;
        _hasAnswer.Set();
    }

    public void Dispose() => _hasAnswer.Dispose();
}
