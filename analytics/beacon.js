(function(){"use strict";
// lychgate's optional script, served only to visitors who agreed to statistics.
// It stores nothing, and tells of the page only what deploy/lychgate.toml lists.
var d=document,l=location,since=0,seen=0,path="",at=0;
function send(kind,value,more){
  var b=new URLSearchParams(more);b.set("kind",kind);b.set("value",value||"");b.set("page",path);
  fetch("/_lychgate/event",{method:"POST",keepalive:true,body:b}).catch(function(){})}
function start(){since=d.visibilityState==="visible"?Date.now():0;seen=0;path=l.pathname;at=Date.now()}
// The time is told whenever the page is hidden, since it may never be shown again.
function look(){
  if(d.visibilityState!=="hidden"){since=Date.now();return}
  if(since)seen+=Date.now()-since;
  since=0;var s=Math.round(seen/1000);if(s>0){seen=0;send("time",s)}}
function moved(){if(l.pathname===path&&(l.hash||Date.now()-at<2000))return;start();send("view",l.search)}
function begin(ahead){start();var w=innerWidth,
  c={width:w<640?"narrow":w<1024?"medium":w<1440?"wide":"very wide"};
  // What is missing, whenever it was asked for.
  new PerformanceObserver(function(x){x.getEntries().forEach(function(e){
    if(e.responseStatus===404&&e.name.indexOf(l.origin+"/")===0)send("missing",new URL(e.name).pathname)})
  }).observe({type:"resource",buffered:true});
  if(ahead){c.from=d.referrer;send("view",l.search,c)}else send("load","",c)}
d.addEventListener("visibilitychange",look);
var push=history.pushState;
history.pushState=function(){var r=push.apply(this,arguments);moved();return r};
addEventListener("popstate",moved);
d.addEventListener("click",function(e){
  var t=e.target.closest&&e.target.closest("a[href],[data-lychgate-event]");if(!t)return;
  var n=t.getAttribute("data-lychgate-event");if(n)send("event",n);
  if(t.host&&t.host!==l.host&&/^http/.test(t.protocol))send("outbound",t.host)},true);
window.lychgate=function(n){send("event",n)};
// A page that was fetched or rendered ahead is seen only now.
var n=performance.getEntriesByType("navigation")[0]||{};
if(d.prerendering)d.addEventListener("prerenderingchange",function(){begin(true)},{once:true});
else begin(n.activationStart>0||n.deliveryType==="navigational-prefetch");
})();
