using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>
/// Settings that connections have had lately. A program sets the same for each of its connections: equal ones are one object, however many
/// connections have them.
/// </summary>
internal sealed class SharedSettings
{
    private const int Kept = 8;

    private readonly TcpSettings[] _lately = new TcpSettings[Kept];
    private int _next;

    public SharedSettings() => _lately.AsSpan().Fill(TcpSettings.Default);

    /// <summary>The one of equal settings that others have.</summary>
    public TcpSettings Share(TcpSettings settings)
    {
        foreach (TcpSettings known in _lately)
        {
            if (known == settings)
            {
                return known;
            }
        }

        _lately[_next] = settings;
        _next = (_next + 1) % Kept;
        return settings;
    }
}
