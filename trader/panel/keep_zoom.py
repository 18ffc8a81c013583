"""A zoomed chart stays zoomed: Streamlit redraws a chart with all its options at once, which undoes what a hand has set.

The script finds the chart's own object through the page's component tree and carries zoom, legend and tooltip over from one
drawing to the next. Should a later Streamlit keep its charts elsewhere, a zoom lasts until the next refresh, and nothing else
is lost.
"""

SCRIPT = """
(() => {
  const find = node => {
    const key = Object.keys(node).find(name => name.startsWith('__reactFiber$'));
    for (let fiber = key && node[key], up = 0; fiber && up < 12; fiber = fiber.return, up++)
      for (let hook = fiber.memoizedState; hook && typeof hook === 'object' && 'next' in hook; hook = hook.next)
        if (hook.memoizedState && typeof hook.memoizedState.setOption === 'function') return hook.memoizedState;
    return null;
  };
  const carried = (chart, option) => {
    const before = chart.getOption();
    if (!before || !option) return option;
    const zooms = (option.dataZoom || []).map(zoom => {
      const was = (before.dataZoom || []).find(other => other.id === zoom.id);
      if (!was || (was.start <= 0.1 && was.end >= 99.9)) return zoom;
      return {...zoom, startValue: was.startValue, ...(was.end >= 99.9 ? {end: 100} : {endValue: was.endValue})};
    });
    const selected = before.legend && before.legend[0] && before.legend[0].selected;
    const legend = option.legend && selected ? {...option.legend, selected} : option.legend;
    return {...option, ...(option.dataZoom ? {dataZoom: zooms} : {}), ...(legend ? {legend} : {})};
  };
  const hold = () => document.querySelectorAll(':is(.st-key-pnl_chart, .st-key-corridor, .st-key-payoff) [_echarts_instance_]').forEach(node => {
    const chart = find(node);
    if (!chart || chart.keepsZoom) return;
    const set = chart.setOption.bind(chart);
    let hand = null;
    chart.getZr().on('mousemove', event => { hand = {x: event.offsetX, y: event.offsetY}; });
    chart.getZr().on('globalout', () => { hand = null; });
    chart.keepsZoom = true;
    chart.setOption = (option, ...rest) => {
      set(carried(chart, option), ...rest);
      if (hand) chart.dispatchAction({type: 'showTip', ...hand});
    };
  });
  clearInterval(window.strangleKeepZoom);
  window.strangleKeepZoom = setInterval(hold, 400);
})();
"""
