(function(){"use strict";
// lychgate's optional script, served only to visitors who agreed to statistics.
// It stores nothing and reads nothing but the page's address and width.
var d=document,l=location,since=0,seen=0,path="",at=0;
function send(kind,value){
  fetch("/_lychgate/event",{method:"POST",keepalive:true,credentials:"same-origin",
    body:new URLSearchParams({kind:kind,value:value||"",page:l.pathname,width:innerWidth})}).catch(function(){})}
function start(){since=d.visibilityState==="visible"?Date.now():0;seen=0;path=l.pathname;at=Date.now()}
function leave(){if(since){seen+=Date.now()-since;since=0}
  var s=Math.round(seen/1000);if(s>0){seen=0;send("time",s)}}
function moved(){if(l.pathname===path&&Date.now()-at<2000||l.pathname===path&&l.hash)return;
  start();send("view",l.search)}
function begin(again){start();send(again?"view":"width",again?l.search:"")}
d.addEventListener("visibilitychange",function(){
  if(d.visibilityState==="hidden")leave();else since=Date.now()});
var push=history.pushState;
history.pushState=function(){var r=push.apply(this,arguments);moved();return r};
addEventListener("popstate",moved);
d.addEventListener("click",function(e){
  var t=e.target.closest&&e.target.closest("a[href],[data-lychgate-event]");if(!t)return;
  var n=t.getAttribute("data-lychgate-event");if(n)send("event",n);
  if(t.host&&t.host!==l.host&&/^http/.test(t.protocol))send("outbound",t.host)},true);
addEventListener("error",function(e){var s=e.target&&e.target.src;
  if(s&&s.indexOf(l.origin+"/")===0)send("missing",s.slice(l.origin.length))},true);
window.lychgate=function(n){send("event",n)};
var nav=performance.getEntriesByType("navigation")[0];
if(d.prerendering)d.addEventListener("prerenderingchange",function(){begin(true)},{once:true});
else begin(nav&&nav.activationStart>0);
})();
