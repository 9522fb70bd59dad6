using Xenlet.Net.Base;

namespace Xenlet.Net.Tcp;

/// <summary>CUBIC (RFC 9438): after a loss the window grows along a cubic curve of time that is flat where the loss was.</summary>
internal sealed class Cubic : ICongestionControl
{
    private const double Scale = 0.4;
    private const double Decrease = 0.7;
    private const double RenoIncrease = 3 * (1 - Decrease) / (1 + Decrease);

    private double _maximum;
    private double _renoWindow;
    private double _origin;
    private double _grown;
    private long _epoch;
    private int _windowBefore;
    private int _thresholdBefore;
    private double _maximumBefore;

    public int Window { get; set; }

    public int Threshold { get; private set; } = ICongestionControl.LargestWindow;

    public void OnAcknowledged(int bytes, long now, long roundTrip, int segmentSize)
    {
        if (Window < Threshold)
        {
            int grown = Math.Min(bytes, Threshold - Window);
            Window += grown;
            bytes -= grown;
        }

        if (bytes > 0)
        {
            Avoid(bytes, now, roundTrip, segmentSize);
        }

        Window = Math.Min(Window, ICongestionControl.LargestWindow);
    }

    public void OnLoss(int segmentSize)
    {
        _windowBefore = Window;
        _thresholdBefore = Threshold;
        _maximumBefore = _maximum;

        // Fast convergence (section 4.7): a flow that loses before it has its old share again leaves room for new ones.
        double window = (double)Window / segmentSize;
        _maximum = window < _maximum ? window * (1 + Decrease) / 2 : window;
        Threshold = Math.Max((int)(Window * Decrease), 2 * segmentSize);
        _epoch = 0;
    }

    public void Undo()
    {
        Window = Math.Max(Window, _windowBefore);
        Threshold = Math.Max(Threshold, _thresholdBefore);
        _maximum = _maximumBefore;
        _epoch = 0;
    }

    public void OnIdle(int initialWindow)
    {
        Threshold = Math.Max(Threshold, (Window / 4 * 3));
        Window = Math.Min(Window, initialWindow);
        _epoch = 0;
    }

    private void Avoid(int bytes, long now, long roundTrip, int segmentSize)
    {
        double window = (double)Window / segmentSize;
        double acknowledged = (double)bytes / segmentSize;
        if (_epoch == 0)
        {
            _epoch = now;
            _renoWindow = window;
            _grown = 0;
            _maximum = Math.Max(_maximum, window);
            _origin = Math.Cbrt((_maximum - window) / Scale);
        }

        double time = (now - _epoch + roundTrip) / (double)StackTime.Second;
        double target = (Scale * Math.Pow(time - _origin, 3)) + _maximum;
        target = Math.Clamp(target, window, 1.5 * window);

        // Section 4.3: never slower than Reno would be on the same path.
        _renoWindow += (_renoWindow < _maximum ? RenoIncrease : 1) * acknowledged / window;
        _grown += Math.Max((target - window) / window * acknowledged, _renoWindow - window - _grown);
        int whole = (int)(_grown * segmentSize);
        if (whole > 0)
        {
            Window += whole;
            _grown -= (double)whole / segmentSize;
        }
    }
}
