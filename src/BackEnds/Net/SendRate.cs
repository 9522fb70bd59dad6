using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// How fast a front end may send: the node <c>rate</c>, which libxl writes for <c>rate=</c> of the vif line, as Linux's netback reads it:
/// bytes, a comma, and the microseconds in which so many are allowed. Requests beyond that stay in the ring. Any thread may call it.
/// </summary>
/// <param name="clock">The clock.</param>
internal sealed class SendRate(TimeProvider clock)
{
    /// <summary>Bytes that may be sent at once after a pause, in netback at least: two of the largest frames.</summary>
    private const long LeastBurst = 128 << 10;

    private readonly Lock _lock = new();
    private string? _text;
    private long _bytes;
    private TimeSpan _interval;
    private long _credit;
    private long _creditedAt;

    /// <summary>Uses what the node says.</summary>
    /// <param name="text">Its value, or null if there is none: then there is no limit.</param>
    /// <exception cref="FormatException">It is no rate.</exception>
    public void Set(string? text)
    {
        long bytes = 0;
        long microseconds = 0;
        if (text is not null && !(text.Split(',') is [string first, string second] && TryParse(first, out bytes)
            && TryParse(second, out microseconds)))
        {
            throw new FormatException($"the node rate holds '{ForeignText.Escape(text)}', which is no rate");
        }

        lock (_lock)
        {
            if (text == _text)
            {
                return;
            }

            _text = text;
            _bytes = bytes;
            _interval = TimeSpan.FromMicroseconds(microseconds);
            _credit = Math.Max(LeastBurst, bytes);
            _creditedAt = clock.GetTimestamp();
        }
    }

    /// <summary>Counts bytes that were sent: what is missing of the credit is paid back before any further ones.</summary>
    public void Charge(int bytes)
    {
        lock (_lock)
        {
            _credit -= _bytes > 0 ? bytes : 0;
        }
    }

    /// <summary>Bytes that may be sent now without a debt, of as many as are asked for; 1 at least.</summary>
    public int LimitTo(int bytes)
    {
        lock (_lock)
        {
            return _bytes == 0 ? bytes : (int)Math.Clamp(_credit, 1, bytes);
        }
    }

    /// <summary>How long nothing may be sent; not positive if something may.</summary>
    public TimeSpan UntilCredit()
    {
        lock (_lock)
        {
            if (_bytes == 0)
            {
                return TimeSpan.Zero;
            }

            TimeSpan elapsed = clock.GetElapsedTime(_creditedAt);
            long intervals = elapsed.Ticks / _interval.Ticks;
            if (intervals > 0)
            {
                // Both can be any 32-bit number and more.
                _credit = (long)Int128.Min(_credit + ((Int128)intervals * _bytes), Math.Max(LeastBurst, _bytes));
                elapsed -= intervals * _interval;
                _creditedAt = clock.GetTimestamp() - (long)(elapsed.TotalSeconds * clock.TimestampFrequency);
            }

            return _credit > 0 ? TimeSpan.Zero : _interval - elapsed;
        }
    }

    /// <summary>The limit, or nothing if there is none.</summary>
    public override string ToString()
    {
        lock (_lock)
        {
            return _bytes == 0 ? ""
                : string.Create(CultureInfo.InvariantCulture, $", at most {_bytes} bytes in {_interval.TotalMilliseconds} ms");
        }
    }

    private static bool TryParse(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value is > 0 and <= uint.MaxValue;
}
